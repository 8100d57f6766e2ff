import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matches, parseFilter } from './filter.js'

const ROW: Readonly<Record<string, number | string>> = {
  pid: 812,
  comm: 'redis-server',
  copies: 1500,
  kind: 'copy',
}

function passes(text: string): boolean {
  const filter = parseFilter(text)
  if ('wrong' in filter) throw new Error(filter.wrong)
  return matches(
    filter,
    (field) => ROW[field],
    () => Object.values(ROW),
  )
}

test.each([
  ['pid=812 kind=copy', true],
  ['pid=0x32c', true],
  ['pid=812 kind=reuse', false],
  ['copies>1000 copies<=1500', true],
  ['copies>1500', false],
  ['comm=REDIS*', true],
  ['comm~server', true],
  ['comm!=redis-server', false],
  ['redis', true],
  ['postgres', false],
  ['', true],
])('%s: %s', (text, expected) => {
  expect(passes(text)).toBe(expected)
})

test('a term on a column that a list has not leaves its rows alone', () => {
  expect(passes('verdict=hazard pid=812')).toBe(true)
})

test.each([
  ['=5', 'name a column before ='],
  ['pid=', 'nothing to compare with'],
  ['copies>many', '> wants a number'],
])('%s is refused in words', (text, why) => {
  expect(parseFilter(text)).toEqual({ wrong: expect.stringContaining(why) as string })
})

test('whatever is typed is a filter or is refused, never an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const filter = parseFilter(text)
      if ('wrong' in filter) return
      matches(
        filter,
        (field) => ROW[field],
        () => Object.values(ROW),
      )
    }),
  )
})
