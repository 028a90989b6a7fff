// Sets the colour theme before the first paint. Kept in step with src/preferences.ts.
(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('baken.theme')
  } catch {
    // Storage can be forbidden; the system's own preference is used then.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  var contrast = chosen === 'contrast' || matchMedia('(prefers-contrast: more)').matches
  document.documentElement.setAttribute('data-bs-theme', dark ? 'dark' : 'light')
  if (contrast) document.documentElement.setAttribute('data-contrast', 'more')
})()
