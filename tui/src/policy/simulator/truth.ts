import { entryAt, folioOf, pageAt, type Memory, type Mm, type Pin } from './memory.js'
import type { Operation } from './operations.js'

/** What memory itself says of pins: found by writing on one side and looking on the other. */

/** What one operation did to a pin. */
export interface Truth {
  readonly pin: Pin
  /** `diverged`: device and owner see two memories (P1). `leaked`: another address space may write what the device sees (P2). */
  readonly what: 'diverged' | 'leaked'
  /** The slot that it was taken through. */
  readonly mm: number
  readonly vpn: number
  /** Who does it: the address space that the operation is about; 0: the kernel. */
  readonly by: number
  /** The owner took the pin away from itself: munmap, MADV_DONTNEED, mremap. */
  readonly isSelfInflicted: boolean
  /** The slot held a swap entry before. */
  readonly wasSwapped: boolean
}

const MARK = -1

/** Pins that diverged or leaked since they were last asked for. A pin that has come together again may diverge again. */
export function changes(memory: Memory, operation: Operation, by: number): readonly Truth[] {
  const found: Truth[] = []
  for (const pin of memory.pins) {
    const diverged = hasDiverged(memory, pin)
    const leaked = isLeaking(memory, pin)
    const { mm, vpn, swapped: wasSwapped } = pin
    const isSelfInflicted = by === mm && ['unmap', 'discard', 'remap'].includes(operation.name)
    if (diverged && !pin.diverged)
      found.push({ pin, what: 'diverged', mm, vpn, by, isSelfInflicted, wasSwapped })
    if (leaked && !pin.leaked)
      found.push({ pin, what: 'leaked', mm, vpn, by, isSelfInflicted: false, wasSwapped })
    pin.diverged = diverged
    pin.leaked = leaked
    pin.swapped = isSwapped(memory, pin)
  }
  return found
}

function isSwapped(memory: Memory, { mm, vpn }: Pin): boolean {
  const owner = memory.mms.find(({ id }) => id === mm)
  return (owner && entryAt(owner, vpn)?.folio) === 0
}

/** The device writes: does the owner read it? An owner that is gone reads nothing, and misses nothing. */
function hasDiverged(memory: Memory, pin: Pin): boolean {
  const owner = memory.mms.find((mm) => mm.id === pin.mm)
  if (!owner) return false
  return marked(memory, pin, () => read(memory, owner, pin.vpn) !== MARK)
}

/** Another address space writes where it may without a fault: does the device read it? */
function isLeaking(memory: Memory, pin: Pin): boolean {
  const held = folioOf(memory, pin).pages[pin.page]
  for (const mm of memory.mms) {
    if (mm.id === pin.mm) continue
    for (const entry of mm.entries) {
      if (!entry.writable || entry.folio === 0) continue
      for (const [page, cell] of folioOf(memory, entry).pages.entries()) {
        if (!entry.huge && page !== entry.page) continue
        const before = cell.content
        cell.content = MARK
        const isSeen = held.content === MARK
        cell.content = before
        if (isSeen) return true
      }
    }
  }
  return false
}

function marked(memory: Memory, pin: Pin, look: () => boolean): boolean {
  const held = folioOf(memory, pin).pages[pin.page]
  const before = held.content
  held.content = MARK
  const answer = look()
  held.content = before
  return answer
}

/** What a process reads at an address, by the page table, or by the swap cache or swap itself. */
export function read(memory: Memory, mm: Mm, vpn: number): number | undefined {
  const entry = entryAt(mm, vpn)
  if (!entry) return undefined
  if (entry.folio !== 0) return folioOf(memory, entry).pages[pageAt(entry, vpn)].content
  const cached = memory.folios.find((folio) => folio?.swap === entry.swap)
  return cached ? cached.pages[0].content : memory.swap[entry.swap]?.content
}
