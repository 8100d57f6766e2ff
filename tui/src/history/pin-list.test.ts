import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Clock } from './clock.js'
import { Pin } from './pin.js'
import { PinList } from './pin-list.js'

const CLOCK = new Clock()
const pinOf = (pin: number) =>
  new Pin(
    { pin, mm: 1, vpn: 0, pages: 1, pfn: 0, foll: 0, tgid: 0, tid: 0, stack: 0, call: 0, fromNs: 0, seq: 0 },
    CLOCK,
    'counted',
  )

test('the oldest come first, whatever was removed before', () => {
  const step = fc.tuple(fc.boolean(), fc.nat())
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(20), (steps, most) => {
      const list = new PinList()
      let model: readonly Pin[] = []
      for (const [n, [isAdd, which]] of steps.entries()) {
        if (isAdd || model.length === 0) {
          const pin = pinOf(n)
          list.add(pin)
          model = [...model, pin]
        } else {
          const gone = model[which % model.length]
          list.remove(gone)
          model = model.filter((one) => one !== gone)
        }
      }
      const numbers = (pins: readonly Pin[]) => pins.map(({ pin }) => pin)
      expect(list.size).toBe(model.length)
      expect(numbers(list.oldest(most))).toEqual(numbers(model.slice(0, most)))
      expect(numbers(list.oldest(Infinity))).toEqual(numbers(model))
    }),
  )
})
