import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtectedRanges } from './protections.js'

test('each page was last protected by the newest range that it lies in', () => {
  const range = fc.record({ vpn: fc.nat(40), pages: fc.integer({ min: 1, max: 12 }) })
  fc.assert(
    fc.property(fc.array(range, { maxLength: 60 }), fc.nat(60), (added, since) => {
      const ranges = new ProtectedRanges()
      const model = new Map<number, number>()
      for (const [i, { vpn, pages }] of added.entries()) {
        const number = i + 1
        ranges.add({ vpn, end: vpn + pages, by: 1, tgid: 1, timeNs: 0, number })
        for (let page = vpn; page < vpn + pages; page++) model.set(page, number)
      }
      for (let page = 0; page < 60; page++) {
        const number = model.get(page) ?? 0
        expect(ranges.find(page, since)?.number).toBe(number > since ? number : undefined)
      }
    }),
  )
})
