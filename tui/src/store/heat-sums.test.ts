import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeatSums, type Heat } from './heat-sums.js'

const copy = fc.record({ mm: fc.integer({ min: 1, max: 3 }), vpn: fc.nat(2000), afterS: fc.nat(40) })

test('every copy is in one span of time and one aligned 2 MiB, and a recording has at most 48 spans', () => {
  fc.assert(
    fc.property(fc.array(copy, { minLength: 1 }), fc.nat(100_000), (copies, beginS) => {
      const sums = new HeatSums()
      const spans = new Map<number, number>()
      let timeS = beginS
      for (const { mm, vpn, afterS } of copies) {
        timeS += afterS
        spans.set(mm, (spans.get(mm) ?? 0) + 1)
        sums.copied(mm, vpn, timeS * 1e9 + 5)
      }
      const rows: Heat[] = [...sums.finish()]
      for (const { mm, vpn, lastVpn } of rows) {
        expect(copies.some((each) => each.mm === mm && each.vpn === vpn)).toBe(true)
        expect(Math.floor(vpn / 512)).toBe(Math.floor(lastVpn / 512))
      }
      for (const [mm, count] of spans)
        expect(rows.filter((row) => row.mm === mm).reduce((sum, row) => sum + row.copies, 0)).toBe(count)
      // In spans of the last length, which all that were shorter fall into.
      let lengthS = 1
      while (timeS - beginS > 47 * lengthS) lengthS *= 2
      const bins = new Set(rows.map(({ fromS }) => Math.floor(fromS / lengthS)))
      expect(bins.size).toBeLessThanOrEqual(48)
      for (const { fromS } of rows) expect(fromS).toBeLessThanOrEqual(timeS)
    }),
  )
})

test('what ended is told once, and what comes after it is told apart', () => {
  const sums = new HeatSums()
  sums.copied(1, 600, 3e9)
  sums.copied(1, 700, 3.5e9)
  sums.copied(2, 600, 3e9)
  sums.ended(1)
  expect(sums.take()).toEqual([{ mm: 1, vpn: 600, lastVpn: 700, fromS: 3, copies: 2 }])
  sums.copied(1, 650, 3.9e9)
  expect(sums.take()).toEqual([])
  expect(sums.finish()).toEqual([
    { mm: 2, vpn: 600, lastVpn: 600, fromS: 3, copies: 1 },
    { mm: 1, vpn: 650, lastVpn: 650, fromS: 3, copies: 1 },
  ])
})
