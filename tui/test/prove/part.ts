import type { LivePin } from '../../src/history/judge.js'
import { keyOf } from '../../src/policy/simulator/key.js'
import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { knownPins, knownText, type Known } from './known.js'

/**
 * Where one operation is left, slots do not concern each other: what it comes to is said by the part of the state that
 * belongs to its own slot; and where neither memory nor history has a reference, nothing can be lost. `parts.test.ts` holds
 * that against runs of which nothing is left out.
 */

/** Names of the parts of a state; empty where no reference is. */
export interface Parts {
  readonly slots: readonly string[]
  /** Of all slots together in which there are references. */
  readonly whole: string
}

export const NO_PARTS: Parts = { slots: [], whole: '' }

/** `pins`: what may be held at a time. */
export function partsOf(known: Known, pins: number): Parts {
  const { memory } = known
  const held = knownPins(known)
  const [{ areas }] = memory.mms
  const live = areas.map((_, slot) => slot).filter((slot) => holds(memory, held, slot))
  const nameOf = (slots: readonly number[]) => {
    const part = within(memory, slots)
    const ours = held.filter(isIn(memory, slots))
    // What may still be taken is for all slots together.
    const room = memory.pins.length < pins ? 'room' : 'full'
    return `${slots.join()} ${room} ${keyOf(part, (names) => knownText(known, names, ours))}`
  }
  const whole = live.length === 0 ? '' : nameOf(live)
  if (live.length === 1) return { slots: areas.map((_, slot) => (slot === live[0] ? whole : '')), whole }
  return { slots: areas.map((_, slot) => (live.includes(slot) ? nameOf([slot]) : '')), whole }
}

/** The name of the part that says what the operation comes to. */
export function partFor(operation: Operation, { slots, whole }: Parts): string {
  return 'area' in operation ? slots[operation.area] : whole
}

function holds(memory: Memory, held: readonly LivePin[], slot: number): boolean {
  const isHere = isIn(memory, [slot])
  return memory.pins.some(isHere) || held.some(isHere)
}

/** Whether an address lies in one of the two homes of a slot (see `otherHome` of the simulator). */
function isIn({ hugePages }: Memory, slots: readonly number[]): (at: { readonly vpn: number }) => boolean {
  return ({ vpn }) => slots.includes(Math.floor(vpn / (2 * hugePages)) - 1)
}

/** The same memory with nothing but what the slots have mapped, or what is held through them. */
function within(memory: Memory, slots: readonly number[]): Memory {
  const isHere = isIn(memory, slots)
  const pins = memory.pins.filter(isHere)
  const mms = memory.mms.map((mm) => ({
    ...mm,
    areas: mm.areas.filter((_, area) => slots.includes(area)),
    entries: mm.entries.filter(isHere),
  }))
  const entries = mms.flatMap((mm) => mm.entries)
  const folios = memory.folios.map((folio) => {
    const isMapped = entries.some(
      (one) => one.folio === folio?.id || (one.swap !== 0 && one.swap === folio?.swap),
    )
    return isMapped || pins.some((pin) => pin.folio === folio?.id) ? folio : undefined
  })
  return { ...memory, mms, pins, folios }
}
