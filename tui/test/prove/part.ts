import type { LivePin } from '../../src/history/judge.js'
import { keyOf } from '../../src/policy/simulator/key.js'
import type { Memory } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { knownPins, knownText, stateName, type Known } from './known.js'

/**
 * A state by its slots. No two of them share an entry, a folio or a reference, so an operation on one leaves the others' parts as
 * they are, and what it comes to is said by the part that belongs to its own slot; one on an address space or on everything comes to
 * what it does to each; and where neither memory nor history has a reference, nothing can be lost. `parts.test.ts` holds that
 * against runs of which nothing is left out.
 */
export class Parts {
  readonly #known: Known
  readonly #held: readonly LivePin[]
  /** By slot: whether memory or history has a reference that was taken through it. */
  readonly isHeld: readonly boolean[]
  /** References that memory has. */
  readonly pins: number
  /**
   * R05 keeps what the last split of a PMD told until the task's next fault, on whatever slot: so long an operation on one slot may
   * change what is known of another.
   */
  readonly isLinked: boolean

  constructor(known: Known) {
    const { memory, noted, place } = known
    const held = knownPins(known)
    this.#known = known
    this.#held = held
    const [{ areas }] = memory.mms
    this.isHeld = areas.map((_, slot) => {
      const isHere = isIn(memory, [slot])
      return memory.pins.some(isHere) || held.some(isHere)
    })
    this.pins = memory.pins.length
    this.isLinked = memory.mms.some(({ id }) => noted.splitBy(id + place.mm) !== '')
  }

  /** The name of the whole state. */
  get whole(): string {
    return stateName(this.#known)
  }

  /** The name of the slot's part. */
  nameOf(slot: number): string {
    const { memory } = this.#known
    const part = within(memory, slot)
    const ours = this.#held.filter(isIn(memory, [slot]))
    return keyOf(part, (names) => knownText(this.#known, names, ours))
  }

  /** Whether no pin is held, and no reference passes by, elsewhere: nothing on the slot is kept from being done. */
  isAlone(slot: number): boolean {
    const { memory } = this.#known
    return memory.pins.every(isIn(memory, [slot])) && !isPassing(memory, slot)
  }

  /** What else an operation on the slot depends on: pins elsewhere take its room, and one passing reference is all there may be. */
  besideOf(slot: number, most: number): string {
    const { memory } = this.#known
    return `${memory.pins.length < most ? 'room' : 'full'}${isPassing(memory, slot) ? ' passing' : ''}`
  }
}

/** The slot that the operation is about; undefined: an address space, or everything. */
export function slotOf({ pins, hugePages }: Memory, operation: Operation): number | undefined {
  if ('area' in operation) return operation.area
  if (!('pin' in operation)) return undefined
  const pin = pins.find(({ order }) => order === operation.pin)
  return pin && slotAt(pin.vpn, hugePages)
}

/** An address lies in one of the two homes of a slot (see `otherHome` of the simulator). */
function slotAt(vpn: number, hugePages: number): number {
  return Math.floor(vpn / (2 * hugePages)) - 1
}

function isIn({ hugePages }: Memory, slots: readonly number[]): (at: { readonly vpn: number }) => boolean {
  return ({ vpn }) => slots.includes(slotAt(vpn, hugePages))
}

/** Whether what the slot maps, or what is held through it, is the folio. */
function isOfSlot(
  memory: Memory,
  slot: number,
): (folio: { readonly id: number; readonly swap: number }) => boolean {
  const isHere = isIn(memory, [slot])
  const entries = memory.mms.flatMap((mm) => mm.entries.filter(isHere))
  const pins = memory.pins.filter(isHere)
  return (folio) =>
    entries.some((one) => one.folio === folio.id || (one.swap !== 0 && one.swap === folio.swap)) ||
    pins.some((pin) => pin.folio === folio.id)
}

/** Whether a reference passes by elsewhere. */
function isPassing(memory: Memory, slot: number): boolean {
  const isOurs = isOfSlot(memory, slot)
  return memory.folios.some((folio) => folio && (folio.passing > 0 || folio.offLru) && !isOurs(folio))
}

/** The same memory with nothing but what the slot has mapped, or what is held through it. */
function within(memory: Memory, slot: number): Memory {
  const isHere = isIn(memory, [slot])
  const isOurs = isOfSlot(memory, slot)
  const mms = memory.mms.map((mm) => ({
    ...mm,
    areas: mm.areas.filter((_, area) => area === slot),
    entries: mm.entries.filter(isHere),
  }))
  return {
    ...memory,
    mms,
    pins: memory.pins.filter(isHere),
    folios: memory.folios.map((folio) => (folio && isOurs(folio) ? folio : undefined)),
  }
}
