/** What the command palette offers: each view may bring a `commands.ts` in its folder. */
import { DESK, hostKind } from './host'
import { chooseLanguage, language, t } from './i18n'
import { chooseTheme, theme, THEMES } from './preferences'
import { navigation, openSite, router } from './router'
import { session } from './session'
import type { SymbolName } from './symbols'

export interface Command {
  id: string
  title: string
  /** What it belongs to, or what will happen. */
  hint?: string
  icon?: SymbolName
  /** Further words under which it is found. */
  keywords?: string
  run: () => void | Promise<void>
}

export type CommandSource = () => Command[] | Promise<Command[]>

const sources = import.meta.glob<CommandSource>('./views/*/commands.ts', { import: 'default' })

function own(): Command[] {
  const views: Command[] = navigation
    .filter((view) => view.listed?.() ?? true)
    .map((view) => ({
      id: `view.${view.name}`,
      title: t(view.title),
      hint: t('palette.open'),
      icon: view.icon,
      keywords: view.name,
      run: async () => void (await router.push(view.path)),
    }))
  const sites: Command[] = (session.value?.sites ?? [])
    .filter((site) => site !== session.value?.site)
    .map((site) => ({ id: `site.${site}`, title: site, hint: t('palette.site'), icon: 'globe', run: () => openSite(site) }))
  const themes: Command[] = THEMES.filter((one) => one !== theme.value).map((one) => ({
    id: `theme.${one}`,
    title: `${t('frame.theme')}: ${t(`theme.${one}`)}`,
    icon: one === 'dark' ? 'moon' : one === 'light' ? 'sun' : one === 'contrast' ? 'contrast' : 'system',
    run: () => chooseTheme(one),
  }))
  const other = language.value === 'nl' ? 'en' : 'nl'
  return [
    ...views,
    ...sites,
    ...themes,
    ...(hostKind.value === 'frappe' ? [{ id: 'desk', title: t('frame.desk'), keywords: 'frappe erpnext app', icon: 'back' as const, run: () => window.location.assign(DESK) }] : []),
    { id: 'language', title: t('palette.language'), keywords: 'language taal english nederlands', icon: 'note', run: () => chooseLanguage(other) },
  ]
}

/** Everything that can be done now. What one source cannot tell is left out: the others still serve. */
export async function allCommands(): Promise<Command[]> {
  const found = await Promise.allSettled(Object.values(sources).map(async (load) => (await load())()))
  return [...own(), ...found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))]
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

/** How well a command fits what was typed; 0: not. Every word has to be found, at the beginning of a word best. */
export function fit(command: Command, typed: string): number {
  const title = plain(command.title)
  const all = plain(`${command.title} ${command.hint ?? ''} ${command.keywords ?? ''}`)
  let score = 1
  for (const part of plain(typed).split(/\s+/).filter(Boolean)) {
    if (title.startsWith(part)) score += 8
    else if (title.includes(` ${part}`)) score += 5
    else if (title.includes(part)) score += 3
    else if (all.includes(` ${part}`)) score += 2
    else if (all.includes(part)) score += 1
    else return 0
  }
  return score
}
