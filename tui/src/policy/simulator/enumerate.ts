import type { Policy } from '../policy.js'
import { keyOf } from './key.js'
import { entryAt, type Area, type Entry, type Memory, type Mm, type SlotSize } from './memory.js'
import {
  AREA_OPERATIONS,
  GUP_ASKS,
  pagesOf,
  SLOT_OPERATIONS,
  type AreaOperation,
  type Operation,
  type SlotOperation,
} from './operations.js'
import { MAX_MMS, Simulator, type Step } from './simulator.js'

/** One operation in one state that no shorter sequence, and no earlier one as long, has led to. */
export interface Transition {
  /** From the beginning to this operation, and what each came to. */
  readonly path: readonly Done[]
  readonly after: Simulator
}

export interface Done {
  readonly operation: Operation
  readonly step: Step
}

interface State {
  readonly simulator: Simulator
  readonly path: readonly Done[]
}

/** What is searched: the slots of the first process, so many pins at a time, so many operations. */
export interface Scope {
  readonly sizes: readonly SlotSize[]
  readonly pins: number
  readonly depth: number
}

/**
 * Every sequence of operations up to `depth`, shortest first. Sequences share their beginnings; one that leads to a state
 * which was met before is not gone on with, because everything that can follow has followed there. What tells states
 * apart is in `keyOf`.
 */
export function* transitions(policy: Policy, { sizes, pins, depth }: Scope): Generator<Transition> {
  const [start] = Simulator.begin(policy, sizes)
  const met = new Set([keyOf(start.memory)])
  let states: State[] = [{ simulator: start, path: [] }]
  for (let length = 1; length <= depth; length++) {
    const next: State[] = []
    for (const { simulator, path } of states) {
      for (const operation of operationsIn(simulator.memory, pins)) {
        const after = simulator.branch()
        const step = after.do(operation)
        const isSeen = step.told.length > 0 || step.truths.length > 0
        if (length === depth) {
          if (isSeen) yield { path: [...path, { operation, step }], after }
          continue
        }
        const key = keyOf(after.memory)
        const isNew = !met.has(key)
        if (!isNew && !isSeen) continue
        const longer = [...path, { operation, step }]
        yield { path: longer, after }
        if (!isNew) continue
        met.add(key)
        next.push({ simulator: after, path: longer })
      }
    }
    states = next
  }
}

/** What may be done, without most of what would do nothing. */
export function operationsIn(memory: Memory, pins: number): readonly Operation[] {
  const found: Operation[] = memory.pins.map((pin) => ({ name: 'release', pin: pin.order }))
  if (memory.folios.some((folio) => folio && (folio.passing > 0 || folio.offLru)))
    found.push({ name: 'settle' })
  memory.mms.forEach((owner, mm) => {
    if (memory.mms.length < MAX_MMS) found.push({ name: 'fork', mm })
    else found.push({ name: 'exit', mm })
    owner.areas.forEach((slot, area) => {
      if (!slot.mapped) return
      for (const name of AREA_OPERATIONS) if (mayMatter(name, owner, slot)) found.push({ name, mm, area })
      for (let page = 0; page < pagesOf(slot.size); page++) {
        const entry = entryAt(owner, slot.vpn + page)
        for (const name of SLOT_OPERATIONS)
          if (mayMatterTo(name, slot, entry)) found.push({ name, mm, area, page })
        if (memory.pins.length >= pins) continue
        for (const ask of GUP_ASKS) if (entry || ask.write) found.push({ name: 'gup', mm, area, page, ask })
      }
    })
  })
  return found
}

function mayMatter(name: AreaOperation, owner: Mm, slot: Area): boolean {
  const isHuge = slot.size === 'thp' && (entryAt(owner, slot.vpn)?.huge ?? false)
  switch (name) {
    case 'protect-read-only':
      return slot.writable
    case 'protect-writable':
      return !slot.writable
    case 'uffd-resolve':
      return slot.uffd
    case 'split-pmd':
      return isHuge
    case 'split-folio':
      return slot.size === 'thp'
    case 'collapse':
      return slot.size === 'thp' && !isHuge
    case 'uffd-wp':
    case 'remap':
    case 'unmap':
      return true
  }
}

function mayMatterTo(name: SlotOperation, slot: Area, entry: Entry | undefined): boolean {
  switch (name) {
    case 'write':
      return slot.writable && !entry?.writable
    case 'read':
      return entry?.folio === 0
    case 'discard':
      return entry !== undefined
    case 'swap-out':
    case 'ksm-self':
    case 'ksm-join':
      return entry !== undefined && entry.folio !== 0 && !entry.huge
    case 'migrate':
    case 'speculate':
    case 'batch':
      return entry !== undefined && entry.folio !== 0
  }
}
