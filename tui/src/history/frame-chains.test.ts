import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameChains } from './frame-chains.js'
import { FrameTable } from './frames.js'

test('each frame has the slots that were added and not removed, the newest first', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(2), fc.nat(7))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const frames = new FrameTable()
      const chains = new FrameChains(frames)
      const rows = [10, 11, 12].map((pfn) => frames.insert(pfn, 0))
      const model: number[][] = rows.map(() => [])
      for (const [isAdd, which, slot] of steps) {
        const at = model.findIndex((slots) => slots.includes(slot))
        if (isAdd && at < 0) {
          chains.add(rows[which], slot)
          model[which].unshift(slot)
        } else if (!isAdd && at >= 0) {
          chains.remove(rows[at], slot)
          model[at] = model[at].filter((one) => one !== slot)
        }
        for (const [i, frame] of rows.entries()) {
          const told: number[] = []
          for (let row = frames.firstSlotOf(frame); row >= 0; row = chains.next(frame, row)) told.push(row)
          expect(told).toEqual(model[i])
          expect(frames.isShared(frame)).toBe(model[i].length > 1)
        }
      }
    }),
  )
})
