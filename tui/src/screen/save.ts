import { plainText, type Line, type Role } from '../views/line.js'
import { textWidth } from '../views/width.js'

/** The formats of a saved screen, by the end of the file's name. */
export const FORMATS = ['txt', 'json', 'svg'] as const
export type Format = (typeof FORMATS)[number]

/** The format of a file, by its name; undefined: none that we write. */
export function formatOf(file: string): Format | undefined {
  return FORMATS.find((format) => file.toLowerCase().endsWith(`.${format}`))
}

/** What is seen, as text: lines without blanks at their ends. */
export function asText(lines: readonly Line[]): string {
  return lines.map((line) => plainText(line).trimEnd()).join('\n') + '\n'
}

/** px of one cell. */
const CELL = { width: 8.4, height: 18 } as const
const COLOURS: Readonly<Record<Role, string>> = {
  plain: '#d8dee6',
  dim: '#8b949e',
  strong: '#ffffff',
  title: '#56b4e9',
  good: '#56b4e9',
  warn: '#e69f00',
  bad: '#d55e00',
  accent: '#56b4e9',
  selected: '#101418',
}

/** The same as a picture: it needs no font of its own, only a monospaced one. */
export function asSvg(lines: readonly Line[], columns: number): string {
  const width = Math.ceil(columns * CELL.width) + 16
  const height = lines.length * CELL.height + 16
  const body = lines.flatMap((line, row) => lineSvg(line, row))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" fill="#101418"/>`,
    `<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...body,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function lineSvg(line: Line, row: number): readonly string[] {
  const out: string[] = []
  let cell = 0
  for (const { text, role } of line) {
    const cells = textWidth(text)
    const x = (8 + cell * CELL.width).toFixed(1)
    const y = 8 + row * CELL.height
    const w = (cells * CELL.width).toFixed(1)
    if (role === 'selected')
      out.push(`<rect x="${x}" y="${y}" width="${w}" height="${CELL.height}" fill="#d8dee6"/>`)
    if (text.trim() !== '') {
      const weight = role === 'strong' || role === 'title' || role === 'bad' ? ' font-weight="bold"' : ''
      out.push(
        `<text x="${x}" y="${y + 14}" textLength="${w}" lengthAdjust="spacingAndGlyphs" fill="${COLOURS[role]}"${weight}>${escaped(text)}</text>`,
      )
    }
    cell += cells
  }
  return out
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
