import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lanes } from './lanes.js'

const spans = fc
  .array(fc.tuple(fc.nat(50), fc.nat(20)), { maxLength: 60 })
  .map((pairs) =>
    pairs.map(([fromNs, lasts]) => ({ fromNs, untilNs: fromNs + lasts })).sort((a, b) => a.fromNs - b.fromNs),
  )

test('nothing overlaps on one lane, and there are as many lanes as things that last at one time', () => {
  fc.assert(
    fc.property(spans, (all) => {
      let made = 0
      const lanes = new Lanes(() => made++)
      const freeNs: number[] = []
      for (const { fromNs, untilNs } of all) {
        const lane = lanes.place(fromNs, untilNs)
        expect(freeNs.at(lane) ?? 0).toBeLessThanOrEqual(fromNs)
        freeNs[lane] = untilNs
      }
      const atOnce = all.map(
        ({ fromNs }, i) => 1 + all.slice(0, i).filter((other) => other.untilNs > fromNs).length,
      )
      expect(made).toBe(Math.max(0, ...atOnce))
    }),
  )
})
