import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { slotOf, type Parts } from './part.js'

/**
 * Which operations are to be done in a state with so many left, itself among them. Slots concern each other where one operation, on
 * an address space or on everything, does something to references in all of them, and another then loses one. Where that cannot come
 * any more, each slot is by itself: what can follow on it is what follows wherever its part is the same. And an operation on a
 * slot without a reference matters only if one can still be taken there and lost.
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

export interface Asked {
  /** Operations that are left, and pins at a time. */
  readonly left: number
  readonly pins: number
  /** The slot that the last operation was about: on the others nothing follows that did not follow before it. */
  readonly touched: number | undefined
  /** An operation on one slot may have changed what is known of another (`Parts.isLinked`, of this state or one before). */
  readonly wasLinked: boolean
  readonly isMet: IsMet
}

const ON_SLOTS = ['gup', 'release', 'other'] as const

/** undefined: none. */
export function openIn(
  parts: Parts,
  { left, pins: most, touched, wasLinked, isMet }: Asked,
): Open | undefined {
  const { isHeld, pins, isLinked } = parts
  const slots = [...isHeld.keys()]
  const unheld = isHeld.filter((is) => !is).length
  /** Whether slots may still meet: references in all, an operation on all, and one that loses something. */
  const mayMeet = (unheldThen: number, pinsThen: number, leftThen: number) =>
    isHeld.length === 1 || (isLinked && left > 1) || toTake(unheldThen, pinsThen, most) + 2 <= leftThen
  const meets = {
    gup: slots.map((slot) => mayMeet(isHeld[slot] ? unheld : unheld - 1, pins + 1, left - 1)),
    release: slots.map(() => mayMeet(unheld, pins - 1, left - 1)),
    other: slots.map(() => mayMeet(unheld, pins, left - 1)),
    onAll: mayMeet(unheld, pins, left),
  }
  const toLose = slots.map((slot) => (isHeld[slot] ? 1 : toTake(1, pins, most) + 1))
  const matters = {
    gup: slots.map((slot) => toLose[slot] <= left),
    release: slots.map((slot) => isHeld[slot] && left > 1),
    other: slots.map((slot) => (isHeld[slot] ? 1 : toLose[slot] + 1) <= left),
    onAll: slots.map((slot) => toLose[slot] + 1 <= left),
  }
  const isAny = (slot: number, meeting: boolean) =>
    ON_SLOTS.some((how) => matters[how][slot] && meets[how][slot] === meeting)
  /** Where something elsewhere is in its way, what may be done on a slot is no more than without that, which is no longer a run. */
  const isNew = (slot: number, what: string) => {
    if (wasLinked) return !isMet(`${what}${slot} ${parts.besideOf(slot, most)} ${parts.nameOf(slot)}`)
    return parts.isAlone(slot) && !isMet(`${what}${slot} ${parts.nameOf(slot)}`)
  }
  const asksWhole = (meets.onAll && matters.onAll.includes(true)) || slots.some((slot) => isAny(slot, true))
  const isWholeNew = asksWhole && !isMet(`all ${parts.whole}`)
  const isPartNew = slots.map((slot) => {
    const isTouched = touched === undefined || touched === slot || wasLinked
    return isTouched && isAny(slot, false) && isNew(slot, '')
  })
  const openOn = (how: (typeof ON_SLOTS)[number]) =>
    slots.map((slot) => matters[how][slot] && (meets[how][slot] ? isWholeNew : isPartNew[slot]))
  const mattering = slots.filter((slot) => matters.onAll[slot])
  const onAll = meets.onAll
    ? isWholeNew && mattering.length > 0
    : mattering.filter((slot) => isNew(slot, 'on all ')).length > 0
  const open = { gup: openOn('gup'), release: openOn('release'), other: openOn('other'), onAll }
  return onAll || ON_SLOTS.some((how) => open[how].includes(true)) ? open : undefined
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
