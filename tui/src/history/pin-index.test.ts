import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Clock } from './clock.js'
import { PinIndex } from './pin-index.js'
import { Pin } from './pin.js'

const CLOCK = new Clock()
const pinOf = (pin: number, pfn: number, pages: number) =>
  new Pin(
    { pin, mm: 1, vpn: 0, pages, pfn, foll: 0, tgid: 0, tid: 0, stack: 0, call: 0, fromNs: 0, seq: 0 },
    CLOCK,
    'counted',
  )
const pageCount = fc.oneof(fc.nat(8), fc.constantFrom(15, 16, 511, 512, 513, 2 ** 20 - 1)).map((n) => n + 1)
const page = fc.oneof(fc.nat(40), fc.constantFrom(500, 511, 512, 1024, 2 ** 40 - 1))

test('those that cover a page of a range are found, once, oldest first, whatever was removed before', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(1), page, pageCount)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.tuple(page, pageCount)), (steps, ranges) => {
      const index = new PinIndex('pfn')
      let model: { readonly key: number; readonly pin: Pin }[] = []
      for (const [n, [isAdd, key, pfn, pages]] of steps.entries()) {
        if (isAdd || model.length === 0) {
          const pin = pinOf(n, pfn, pages)
          index.add(key, pin)
          model.push({ key, pin })
        } else {
          const gone = model[pfn % model.length]
          index.remove(gone.key, gone.pin)
          model = model.filter((one) => one !== gone)
        }
      }
      for (const [from, pages] of ranges)
        for (const key of [0, 1])
          expect(index.among(key, from, pages).map(({ pin }) => pin)).toEqual(
            model
              .filter(
                (one) => one.key === key && one.pin.pfn < from + pages && one.pin.pfn + one.pin.pages > from,
              )
              .map(({ pin: { pin } }) => pin),
          )
    }),
  )
})

test('beside a pin are those of about its length that share the chunk it begins in', () => {
  const index = new PinIndex('pfn')
  const [a, b, c, d] = [pinOf(1, 4, 4), pinOf(2, 7, 3), pinOf(3, 5, 1), pinOf(4, 100, 4)]
  for (const pin of [a, b, c, d]) index.add(0, pin)
  expect(index.beside(0, pinOf(5, 5, 4))).toEqual([a, b])
  expect(index.beside(1, pinOf(5, 5, 4))).toEqual([])
  expect(index.beside(0, pinOf(5, 5, 1000))).toEqual([])
})

test('who asks for pages that cannot be is told of none, and at once', () => {
  const index = new PinIndex('pfn')
  for (let n = 0; n < 10; n++) index.add(0, pinOf(n, n * 1024, 1))
  for (const from of [2 ** 53, 2 ** 64, NaN]) expect(index.among(0, from, 5)).toEqual([])
})
