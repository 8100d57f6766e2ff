import type { LivePin } from '../../src/history/judge.js'
import type { Folio, Memory } from '../../src/policy/simulator/memory.js'
import type { Operation } from '../../src/policy/simulator/operations.js'
import { knownPins, nameOf, type Known } from './known.js'

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
      const isHere = isIn(memory, slot)
      return memory.pins.some(isHere) || held.some(isHere)
    })
    this.pins = memory.pins.length
    this.isLinked = memory.mms.some(({ id }) => noted.splitBy(id + place.mm).length > 0)
  }

  /** The name of the whole state. */
  get whole(): string {
    const { memory } = this.#known
    return nameOf(this.#known, { slots: [...this.isHeld.keys()], pins: memory.pins, held: this.#held })
  }

  /** The name of the slot's part. */
  nameOf(slot: number): string {
    const { memory } = this.#known
    const isHere = isIn(memory, slot)
    return nameOf(this.#known, {
      slots: [slot],
      pins: memory.pins.filter(isHere),
      held: this.#held.filter(isHere),
    })
  }

  /** Whether no pin is held, and no reference passes by, elsewhere: nothing on the slot is kept from being done. */
  isAlone(slot: number): boolean {
    const { memory } = this.#known
    return memory.pins.every(isIn(memory, slot)) && !isPassing(memory, slot)
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

/** Whether an address lies in one of the two homes of the slot. */
export function isIn({ hugePages }: Memory, slot: number): (at: { readonly vpn: number }) => boolean {
  const first = (slot + 1) * 2 * hugePages
  return ({ vpn }) => vpn >= first && vpn < first + 2 * hugePages
}

/** Whether a reference passes by elsewhere. */
function isPassing(memory: Memory, slot: number): boolean {
  return memory.folios.some(
    (folio) => folio && (folio.passing > 0 || folio.offLru) && !isOfSlot(memory, slot, folio),
  )
}

/** Whether what the slot maps, or what is held through it, is the folio. */
function isOfSlot(memory: Memory, slot: number, { id, swap }: Folio): boolean {
  const isHere = isIn(memory, slot)
  const maps = (entry: { readonly vpn: number; readonly folio: number; readonly swap: number }) =>
    isHere(entry) && (entry.folio === id || (swap !== 0 && entry.swap === swap))
  return (
    memory.mms.some(({ entries }) => entries.some(maps)) ||
    memory.pins.some((pin) => isHere(pin) && pin.folio === id)
  )
}
