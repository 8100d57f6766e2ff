import { expect, test } from 'vitest'

import { legReports, legsPage, rungsOf, withoutReleases, type LegColumn, type LegVerdict } from './legs.js'

function leg(name: string, hook: string, reasons: readonly string[] = []): LegVerdict {
  return { leg: name, hook, reasons, expected: 1, seen: 1, verdict: 'ok', why: '' }
}

const COLUMNS: readonly LegColumn[] = [
  {
    title: '6.1',
    release: '6.1.0-56',
    legs: [leg('unmap', 'old', ['new: no function new']), leg('exit', 'e')],
  },
  { title: '7.2', release: '7.2.1', legs: [leg('unmap', 'new'), { ...leg('exit', 'e'), verdict: 'failed' }] },
]

test('a report is read from among other lines, and what is no report is left out', () => {
  const legs = COLUMNS[0].legs
  const output = [
    'booting',
    '{"legs":[{"leg":1}]}',
    JSON.stringify({ ok: true, legs }),
    '{"x":',
    'null',
  ].join('\n')
  expect(legReports(output)).toEqual([legs])
})

test('hooks are known from what was chosen and from what was refused, best first', () => {
  expect(rungsOf('unmap', COLUMNS)).toEqual(['new', 'old'])
  expect(rungsOf('exit', COLUMNS)).toEqual(['e'])
  expect(rungsOf('swap', COLUMNS)).toEqual([])
})

test('the page has a row a hook and a column a kernel, and marks what is not well', () => {
  const page = legsPage(COLUMNS)
  expect(page).toContain(
    '| `unmap` | new |  | seen |\n|  | old | seen |  |\n| `exit` | e | seen | **failed** |',
  )
  expect(page).toContain('Kernels: 6.1.0-56, 7.2.1.')
})

test('a new package of a kernel does not make the page stale', () => {
  const [first, second] = COLUMNS
  const later = legsPage([{ ...first, release: '6.1.0-57' }, second])
  expect(withoutReleases(later)).toBe(withoutReleases(legsPage(COLUMNS)))
  expect(later).not.toBe(legsPage(COLUMNS))
})
