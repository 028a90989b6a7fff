/** How somebody likes the dashboard, kept by Baken: it follows to another browser, where nothing was chosen yet. */
import { read } from './api/client'
import { LANGUAGES, language, setLanguage } from './i18n'
import { chooseStart, chosenHere, refreshSeconds, REFRESH_CHOICES, siteZone, startView, theme, THEMES, zone } from './preferences'
import { chooseRange, PRESET_NAMES, type Preset } from './range'

export interface Profile {
  language?: string
  theme?: string
  start?: string
  range?: string
  refresh?: number
  zone?: string
}

/** Goes by the profile where this browser's own choice does not say otherwise. */
export async function follow(profile: Profile): Promise<void> {
  const own = THEMES.find((one) => one === profile.theme)
  if (own && !chosenHere('theme')) theme.value = own
  if ((REFRESH_CHOICES as readonly number[]).includes(profile.refresh ?? -1) && !chosenHere('refresh')) refreshSeconds.value = Number(profile.refresh)
  if ((profile.zone === 'site' || profile.zone === 'browser') && !chosenHere('zone')) zone.value = profile.zone
  const preset = PRESET_NAMES.find((one) => one === profile.range)
  if (preset && !chosenHere('range') && !/[?&](range|from)=/.test(location.search)) chooseRange(preset as Preset)
  // Where Baken opens has to be known before it is asked the next time.
  if (profile.start && !chosenHere('start') && profile.start !== startView.value) chooseStart(profile.start)
  const spoken = LANGUAGES.find((one) => one === profile.language)
  if (spoken && !chosenHere('language') && spoken !== language.value) await setLanguage(spoken)
}

/** Asks for the profile and goes by it. Without an answer the browser's own choices and the defaults hold. */
export async function followProfile(): Promise<void> {
  try {
    const answer = await read<{ profile: Profile; time_zone: string }>('baken.get_profile')
    siteZone.value = answer.time_zone
    await follow(answer.profile)
  } catch {
    return // The next page asks again; nothing on this one depends on it.
  }
}
