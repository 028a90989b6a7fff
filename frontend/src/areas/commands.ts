/** The sections of a page as commands: "Backups" leads to them. */
import type { Command } from '../commands'
import { router } from '../router'
import type { Section } from './area'
import { goTo } from './go'

export function sectionCommands(view: string, title: string, sections: readonly Section[]): Command[] {
  return sections.map((section) => ({
    id: `${view}.${section.id}`,
    title: section.title,
    hint: title,
    icon: section.icon,
    keywords: section.charts.map((chart) => chart.title).join(' '),
    run: async () => {
      const there = router.currentRoute.value.name === view
      // The page scrolls by itself to what its address names when it opens.
      if (there) goTo(section.id)
      else await router.push({ name: view, hash: `#${section.id}` })
    },
  }))
}
