import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { slotOf, type Parts } from './part.js'

/**
 * Which operations are to be done in a state with so many left, itself among them. Slots concern each other where one operation, on
 * an address space or on everything, does something to references in all of them. Where that cannot come any more, each
 * slot is by itself: what can follow on it is what follows wherever its part is the same. And an operation on a slot without a
 * reference matters only if one can still be taken there and lost.
 */

/** Whether the state of that name was met before; asking is meeting it. */
export type IsMet = (name: string) => boolean

/** By slot, but for those that are about none. */
export interface Open {
  readonly gup: readonly boolean[]
  readonly release: readonly boolean[]
  readonly other: readonly boolean[]
  readonly onAll: boolean
}

/** undefined: none; `most`: pins at a time. */
export function openIn(parts: Parts, left: number, most: number, isMet: IsMet): Open | undefined {
  const { isHeld, pins, isLinked } = parts
  const unheld = isHeld.filter((is) => !is).length
  /** Whether an operation on all may still find references in all slots, with so many operations left. */
  const mayMeet = (unheldThen: number, pinsThen: number, leftThen: number) =>
    isHeld.length === 1 || (isLinked && left > 1) || toTake(unheldThen, pinsThen, most) + 1 <= leftThen
  const mattersTo = (slot: number, isTaking: boolean) =>
    isHeld[slot] || toTake(1, pins, most) + 1 + (isTaking ? 0 : 1) <= left
  const reaches = {
    gup: isHeld.map((is) => mayMeet(is ? unheld : unheld - 1, pins + 1, left - 1)),
    release: isHeld.map(() => mayMeet(unheld, pins - 1, left - 1)),
    other: isHeld.map(() => mayMeet(unheld, pins, left - 1)),
    onAll: mayMeet(unheld, pins, left),
  }
  const matters = {
    gup: isHeld.map((_, slot) => mattersTo(slot, true)),
    // What is given back is in memory.
    release: isHeld,
    other: isHeld.map((_, slot) => mattersTo(slot, false)),
  }
  const onSlots = ['gup', 'release', 'other'] as const
  const isAny = (slot: number, reaching: boolean) =>
    onSlots.some((how) => matters[how][slot] && reaches[how][slot] === reaching)
  const slots = [...isHeld.keys()]
  const matterToAll = slots.filter((slot) => matters.other[slot])
  const asksWhole = (reaches.onAll && matterToAll.length > 0) || slots.some((slot) => isAny(slot, true))
  const isWholeNew = asksWhole && !isMet(`all ${parts.whole}`)
  const nameOf = (slot: number) => `${slot} ${parts.besideOf(slot, most)} ${parts.nameOf(slot)}`
  const isPartNew = slots.map((slot) => isAny(slot, false) && !isMet(nameOf(slot)))
  const openOn = (how: 'gup' | 'release' | 'other') =>
    slots.map((slot) => matters[how][slot] && (reaches[how][slot] ? isWholeNew : isPartNew[slot]))
  const onAll = reaches.onAll
    ? isWholeNew && matterToAll.length > 0
    : matterToAll.filter((slot) => !isMet(`on all ${nameOf(slot)}`)).length > 0
  const open = { gup: openOn('gup'), release: openOn('release'), other: openOn('other'), onAll }
  return onAll || onSlots.some((how) => open[how].includes(true)) ? open : undefined
}

export function isOpen(open: Open, memory: Memory, operation: Operation): boolean {
  const slot = slotOf(memory, operation)
  if (slot === undefined) return open.onAll
  if (operation.name === 'gup') return open.gup[slot]
  return operation.name === 'release' ? open.release[slot] : open.other[slot]
}

/** Fewest operations until each of so many slots has a reference, where so many pins are held of `most`. */
function toTake(slots: number, pins: number, most: number): number {
  return slots + Math.max(0, pins + slots - most)
}
