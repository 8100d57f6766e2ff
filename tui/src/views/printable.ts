/** Which characters the reader's terminal can show. */
export type Charset = 'unicode' | 'ascii'

/**
 * Text from outside (comm, host names, reasons) made safe to print: it can neither move the cursor nor change colours,
 * reverse the reading order, hide, or take more or fewer cells than `textWidth` says.
 *
 * Letters, digits and signs of all scripts stay, composed (NFC) where they can be. Everything else shows as an
 * escape: `\x1b`, `\u{202e}`; a backslash as `\\`, so that what is shown can be told from what was there.
 */
export function printable(text: string, charset: Charset = 'unicode'): string {
  if (/^[ !-[\]-~]*$/.test(text)) return text
  let out = ''
  for (const char of text.normalize('NFC')) out += isSafe(char, charset) ? char : escaped(char)
  return out
}

// Emoji and other astral signs are left out: terminals do not agree on how wide they are.
const SHOWN = /^[\p{L}\p{N}\p{P}\p{Sm}\p{Sc} ]$/u

function isSafe(char: string, charset: Charset): boolean {
  if (char === '\\') return false
  const code = char.codePointAt(0) ?? 0
  if (code < 0x7f) return code >= 0x20
  if (charset === 'ascii' || code > 0xffff) return false
  return SHOWN.test(char) && !UNSURE.some(([first, last]) => code >= first && code <= last)
}

/** Letters and numbers that are blank, join the letter before them, or are as wide as the terminal's age decides. */
const UNSURE: readonly (readonly [number, number])[] = [
  [0x115f, 0x11ff],
  [0x312e, 0x312f],
  [0x3164, 0x3164],
  [0x31bb, 0x31bf],
  [0x3248, 0x324f],
  [0xd7b0, 0xd7fb],
  [0xffa0, 0xffa0],
]

function escaped(char: string): string {
  if (char === '\\') return '\\\\'
  const code = char.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}
