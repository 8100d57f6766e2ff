/**
 * How many cells of a terminal a text takes.
 *
 * Only for text that went through `printable()`: no control characters, nothing of zero width, and nothing of which
 * terminals disagree how wide it is. What is left is one cell, or two for East Asian wide characters.
 */
export function textWidth(text: string): number {
  let width = 0
  for (const char of text) width += isWide(char.codePointAt(0) ?? 0) ? 2 : 1
  return width
}

/** Blocks of Unicode's East_Asian_Width W and F (EastAsianWidth.txt) that are letters, not emoji. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
]

/** True for a code point that takes two cells. */
export function isWide(codePoint: number): boolean {
  if (codePoint < 0x1100) return false
  return WIDE.some(([first, last]) => codePoint >= first && codePoint <= last)
}

/** The longest start of `text` that fits `width` cells; what was cut is marked by `mark` (one cell). */
export function clip(text: string, width: number, mark = '…'): string {
  if (width <= 0) return ''
  // Longer than its cells in UTF-16 units never happens for printable text, so the cheap test decides most calls.
  if (text.length * 2 <= width || textWidth(text) <= width) return text
  let used = 0
  let kept = ''
  for (const char of text) {
    const cells = isWide(char.codePointAt(0) ?? 0) ? 2 : 1
    if (used + cells > width - 1) break
    used += cells
    kept += char
  }
  return kept + mark
}

/** `text` clipped or filled with blanks to exactly `width` cells. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left', mark = '…'): string {
  const clipped = clip(text, width, mark)
  const blanks = ' '.repeat(Math.max(0, width - textWidth(clipped)))
  return align === 'left' ? clipped + blanks : blanks + clipped
}
