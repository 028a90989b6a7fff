/** What the page about SEPA shows, along the way of a direct debit: mandate, batch, collection, what comes back. */
import type { Section } from '../../areas/area'
import { t, word } from '../../i18n'

const one = (metric: string, labels?: Record<string, string>, title?: string) => ({ metric, labels, title })

export function sections(): Section[] {
  return [
    {
      id: 'mandates',
      title: t('sepa.mandates'),
      lead: t('sepa.mandatesLead'),
      icon: 'note',
      figures: [
        { metric: 'sepa_mandates', labels: { status: 'Active' }, title: t('sepa.active') },
        { metric: 'sepa_mandates', labels: { status: 'Draft' }, title: t('sepa.drafts'), advice: t('sepa.draftsAdvice') },
        { metric: 'sepa_mandates_new', labels: { window: 'month' }, title: t('sepa.newMonth') },
        { metric: 'sepa_mandates_new', labels: { window: 'day' }, title: t('sepa.newDay') },
        { metric: 'sepa_mandates_expiring', title: t('sepa.expiring'), advice: t('sepa.expiringAdvice') },
      ],
      charts: [
        { title: t('sepa.chart.active'), metrics: [one('sepa_mandates', { status: 'Active' }, word('Active'))] },
        { title: t('sepa.chart.new'), metrics: [one('sepa_mandates_new', { window: 'month' })] },
        { title: t('sepa.chart.others'), metrics: ['Draft', 'Suspended', 'Expired', 'Cancelled'].map((status) => one('sepa_mandates', { status }, word(status))) },
        { title: t('sepa.chart.expiring'), metrics: [one('sepa_mandates_expiring')], kind: 'area' },
      ],
    },
    {
      id: 'batches',
      title: t('sepa.batches'),
      lead: t('sepa.batchesLead'),
      icon: 'send',
      figures: [
        { metric: 'sepa_batches_recent', title: t('sepa.recent') },
        { metric: 'sepa_batch_amount', labels: { status: 'Submitted' }, title: t('sepa.atBank') },
        { metric: 'sepa_batch_amount', labels: { status: 'Draft' }, title: t('sepa.inDraft') },
        { metric: 'sepa_batches', labels: { status: 'Failed' }, title: t('sepa.failedBatches'), advice: t('sepa.failedAdvice') },
      ],
      charts: [
        { title: t('sepa.chart.batches'), metrics: ['Draft', 'Generated', 'Submitted', 'Failed'].map((status) => one('sepa_batches', { status }, word(status))) },
        { title: t('sepa.chart.amounts'), metrics: ['Draft', 'Generated', 'Submitted', 'Failed'].map((status) => one('sepa_batch_amount', { status }, word(status))) },
      ],
    },
    {
      id: 'collections',
      title: t('sepa.collections'),
      lead: t('sepa.collectionsLead'),
      icon: 'bank',
      figures: [
        { metric: 'erpnext_payment_success_ratio', title: t('sepa.success') },
        { metric: 'sepa_collections', labels: { result: 'Successful' }, title: t('sepa.successful') },
        { metric: 'sepa_collections', labels: { result: 'Failed' }, title: t('sepa.failed') },
        { metric: 'sepa_collections', labels: { result: 'Pending' }, title: t('sepa.pending') },
        { metric: 'sepa_pending_payments', title: t('sepa.pendingPayments'), advice: t('sepa.pendingAdvice') },
        { metric: 'sepa_pending_amount', title: t('sepa.pendingAmount') },
      ],
      charts: [
        { title: t('sepa.chart.collections'), metrics: [one('sepa_collections')], kind: 'stack' },
        { title: t('sepa.chart.success'), metrics: [one('erpnext_payment_success_ratio')] },
        { title: t('sepa.chart.pending'), metrics: [one('sepa_pending_payments')], kind: 'area' },
        { title: t('sepa.chart.pendingAmount'), metrics: [one('sepa_pending_amount')], kind: 'area' },
      ],
    },
    {
      id: 'returns',
      title: t('sepa.returns'),
      lead: t('sepa.returnsLead'),
      icon: 'back',
      figures: [],
      charts: [{ title: t('sepa.chart.returns'), metrics: [one('sepa_returns')], kind: 'stack', wide: true }],
    },
    {
      id: 'audit',
      title: t('sepa.audit'),
      lead: t('sepa.auditLead'),
      icon: 'shield',
      figures: [
        { metric: 'sepa_audit_failures', labels: { window: '1h' }, title: t('sepa.failuresHour') },
        { metric: 'sepa_audit_failures', labels: { window: '24h' }, title: t('sepa.failuresDay') },
      ],
      charts: [
        { title: t('sepa.chart.failures'), metrics: [one('sepa_audit_failures')] },
        ...(['Mandate Creation', 'Batch Generation', 'Bank Submission', 'Payment Processing'] as const).map((process) => ({
          title: t('sepa.chart.process', { process: word(process) }),
          metrics: [one('sepa_audit_events', { process })],
          kind: 'stack' as const,
        })),
      ],
    },
  ]
}
