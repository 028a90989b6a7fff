/** Grafana's published types, put together so strictly that a key which Grafana does not know is an error. */
import type {
  Dashboard, AnnotationQuery, DataSourceRef, FieldConfig, GraphFieldConfig, Panel, RowPanel, TableFieldOptions, VariableModel,
} from '@grafana/schema'
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen'
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type {
  FieldConfig as StateField, Options as StateTimeline,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen'
import type { Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen'
import type { Options as TimeSeries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'

/** A type as JSON has it: the values of enumerations instead of their names. */
type Json<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T : T extends (infer U)[] ? Json<U>[]
  : unknown extends T ? unknown : T extends object ? { [K in keyof T]: Json<T[K]> } : T

interface Link { title: string; url: string; targetBlank: boolean }
/** What the Prometheus data source takes as a query; Grafana has it in that plugin, not in the package. */
interface PrometheusQuery {
  datasource: DataSourceRef; editorMode: 'code' | 'builder'; expr: string; format: 'time_series' | 'table' | 'heatmap'
  instant: boolean; range: boolean; legendFormat: string; refId: string
}
type Field<TCustom> = Omit<FieldConfig, 'custom' | 'links'> & { links: Link[]; custom?: TCustom }
interface Shown<TType extends string, TOptions, TCustom> extends Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  type: TType
  id: number
  datasource: DataSourceRef
  description: string
  options: TOptions
  fieldConfig: { defaults: Field<TCustom>; overrides: NonNullable<Panel['fieldConfig']>['overrides'] }
  targets: PrometheusQuery[]
}
type AnyPanel =
  | RowPanel
  | Shown<'timeseries', TimeSeries, GraphFieldConfig>
  | Shown<'stat', Stat, never>
  | Shown<'bargauge', BarGauge, never>
  | Shown<'state-timeline', StateTimeline, StateField>
  | Shown<'table', Table, TableFieldOptions>

/** The Prometheus data source's annotations have more than the package knows. */
type Annotation = Omit<AnnotationQuery, 'target'> & {
  expr?: string; step?: string; tagKeys?: string; titleFormat?: string; textFormat?: string; useValueForTime?: boolean
  target?: { expr: string; interval: string; refId: string }
}

export type BakenDashboard = Json<
  Omit<Dashboard, 'panels' | 'annotations' | 'templating'> & {
    panels: AnyPanel[]
    annotations: { list: Annotation[] }
    templating: { list: VariableModel[] }
  }
>
