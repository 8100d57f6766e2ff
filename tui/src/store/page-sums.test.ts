import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PageSums } from './page-sums.js'

/** Of one address space: pages that were mapped, up to the end of their 32, and pages that were copied. */
const told = fc.record({
  mapped: fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 32 }))),
  copied: fc.array(fc.nat(200)),
  isEnded: fc.boolean(),
})

test('pages are counted once, copies each, whatever ends meanwhile', () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 6 }), (spaces) => {
      const sums = new PageSums()
      const pages = new Set<string>()
      const copies = new Map<string, number>()
      spaces.forEach(({ mapped, copied, isEnded }, mm) => {
        for (const [vpn, wanted] of mapped) {
          const count = Math.min(wanted, 32 - (vpn % 32))
          sums.mapped(mm, vpn, count)
          for (let page = vpn; page < vpn + count; page++) pages.add(`${mm} ${page}`)
        }
        for (const vpn of copied) {
          sums.copied(mm, vpn)
          copies.set(`${mm} ${vpn}`, (copies.get(`${mm} ${vpn}`) ?? 0) + 1)
        }
        if (isEnded) sums.ended(mm)
      })
      const { pages: counted, hottest } = sums.finish()
      expect(counted).toBe(pages.size)
      expect(new Map(hottest.map(([mm, vpn, count]) => [`${mm} ${vpn}`, count]))).toEqual(copies)
      const counts = hottest.map(([, , count]) => count)
      expect(counts).toEqual(counts.toSorted((a, b) => b - a))
    }),
  )
})

test('of many pages the thousand hottest stay, equal ones by address space and address', () => {
  const sums = new PageSums()
  for (let mm = 1; mm <= 3; mm++) {
    for (let vpn = 0; vpn < 4000; vpn++)
      for (let copies = 0; copies <= (vpn * 7 + mm) % 5; copies++) sums.copied(mm, vpn)
    sums.ended(mm)
  }
  const { hottest } = sums.finish()
  expect(hottest).toHaveLength(1000)
  // A fifth of each 4,000 has five copies: those of the first address space, and of the second as many as are left.
  expect(hottest.every(([, , copies]) => copies === 5)).toBe(true)
  const places = hottest.map(([mm, vpn]) => mm * 10_000 + vpn)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(hottest.filter(([mm]) => mm === 1)).toHaveLength(800)
})
