import type { Role } from '../views/line.js'

/** How many colours may be used: none (NO_COLOR), the terminal's own eight, or 256. */
export type Palette = 'none' | 'basic' | 'rich'

/** What NO_COLOR (no-color.org), TERM and COLORTERM say. */
export function choosePalette(env: NodeJS.ProcessEnv): Palette {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return 'none'
  const deep = /256|direct|kitty|alacritty/.test(env['TERM'] ?? '') || (env['COLORTERM'] ?? '') !== ''
  return deep ? 'rich' : 'basic'
}

/** True where the locale's character set is UTF-8, by the rule of setlocale(3): the first that is set decides. */
export function localeIsUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  )
  return /utf-?8/i.test(locale ?? '')
}

/**
 * SGR parameters of each role. The colours are taken from Okabe and Ito's set, which people with any of the common
 * colour-vision deficiencies can tell apart; each also differs in words, so that colour is never needed.
 */
const STYLES: Readonly<Record<Palette, Readonly<Record<Role, string>>>> = {
  none: {
    plain: '',
    dim: '',
    strong: '1',
    title: '1;4',
    good: '',
    warn: '1',
    bad: '1;7',
    accent: '',
    selected: '7',
  },
  basic: {
    plain: '',
    dim: '36',
    strong: '1',
    title: '1;4',
    good: '36',
    warn: '1;33',
    bad: '1;31',
    accent: '36',
    selected: '7',
  },
  rich: {
    plain: '',
    dim: '38;5;246',
    strong: '1',
    title: '1;38;5;74',
    good: '38;5;74',
    warn: '1;38;5;214',
    bad: '1;38;5;202',
    accent: '38;5;74',
    selected: '7',
  },
}

/** `text` in the style of its role, as the SGR sequences that blessed understands in content. */
export function styled(text: string, role: Role, palette: Palette): string {
  const style = STYLES[palette][role]
  return style === '' || text === '' ? text : `\x1b[${style}m${text}\x1b[m`
}
