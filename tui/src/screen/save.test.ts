import { expect, test } from 'vitest'
import { span } from '../views/line.js'
import { asSvg, asText, formatOf } from './save.js'

const LINES = [[span('a <b> & ', 'title'), span('日本', 'selected')], [span('plain   ')]]

test('the format goes by the name of the file', () => {
  expect(['x.txt', 'x.SVG', 'x.json', 'x.png', 'svg'].map(formatOf)).toEqual([
    'txt',
    'svg',
    'json',
    undefined,
    undefined,
  ])
})

test('text has what is seen, without blanks at the ends of lines', () => {
  expect(asText(LINES)).toBe('a <b> & 日本\nplain\n')
})

test('the picture has the same text, escaped, and wide characters take two cells', () => {
  const svg = asSvg(LINES, 80)
  expect(svg).toContain('>a &lt;b&gt; &amp; </text>')
  expect(svg).toMatch(/<text x="75\.2" y="22" textLength="33\.6"[^>]*>日本<\/text>/)
  expect(svg.match(/<text /g)?.length).toBe(3)
})
