import { textWidth } from './width.js'

/** `words` in lines of at most `width` cells, broken at blanks; lines after the first begin `indent` cells in. */
export function wrapped(words: string, width: number, indent = 0): readonly string[] {
  const lines: string[] = []
  const lead = words.length - words.trimStart().length
  let line = ' '.repeat(lead)
  let isEmpty = true
  for (const word of words.trim().split(/\s+/)) {
    if (!isEmpty && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line)
      line = ' '.repeat(Math.min(indent, Math.max(0, width - 1)))
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
