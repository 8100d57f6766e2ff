import type { Charset } from './printable.js'

const LEVELS: Record<Charset, string> = { unicode: '▁▂▃▄▅▆▇█', ascii: '_.-=+*#@' }

/**
 * The last `width` values as a row of bars, newest at the right, scaled to their own greatest value. Zero is the
 * lowest level, and anything above zero at least the second, so that a rare event is seen.
 */
export function sparkline(values: readonly number[], width: number, charset: Charset): string {
  const levels = LEVELS[charset]
  const shown = values.slice(Math.max(0, values.length - width))
  const top = Math.max(...shown, 0)
  const bars = shown.map((value) => {
    if (value <= 0) return levels[0]
    return levels[Math.max(1, Math.ceil((value / top) * (levels.length - 1)))]
  })
  return ' '.repeat(Math.max(0, width - bars.length)) + bars.join('')
}
