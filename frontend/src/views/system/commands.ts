import { sectionCommands } from '../../areas/commands'
import type { Command } from '../../commands'
import { t } from '../../i18n'
import { sections } from './sections'

export default function commands(): Command[] {
  return sectionCommands('system', t('system.title'), sections())
}
