import type { Ledger } from './ledger.js'
import { Slots, type Frame, type Hold, type Slot } from './pages.js'
import type { Counts, Deciding } from './rules.js'

export interface Taking {
  readonly kind: 'pin' | 'get'
  /** It has to have a page that it may write. */
  readonly asWrite: boolean
  /** It has to have a page of its own, to read. */
  readonly unshares: boolean
  readonly pfn: number
}

/** A page as an event of the recording shows it. */
export interface Met extends Pick<Frame, 'pages' | 'isHugetlb' | 'exclusive'> {
  /** Mappings elsewhere. */
  readonly others: number
  readonly writable: boolean
}

/** One course of things: the operations of the recording, as some kernel would have answered them. */
export class World {
  readonly #slots: Slots
  readonly #ledger: Ledger
  readonly #deciding: Deciding
  readonly #holds = new Map<number, Hold[]>()

  constructor(ledger: Ledger, deciding: Deciding, mostSlots: number) {
    this.#ledger = ledger
    this.#deciding = deciding
    this.#slots = new Slots(mostSlots)
  }

  /** The page is met, perhaps for the first time. False: there is no room for it. */
  meet(mm: number, vpn: number, { pages, isHugetlb, others, writable, exclusive }: Met): boolean {
    if (this.#slots.at(mm, vpn)) return true
    if (this.#slots.isFull) return false
    const frame = { ...fresh({ pages, isHugetlb }, 1 + others), exclusive }
    this.#slots.set(mm, vpn, { frame, writable })
    return true
  }

  /** The process was seen to write to a page that it could not write to, so it was not writable before. */
  wasReadOnly(mm: number, vpn: number): void {
    const slot = this.#slots.at(mm, vpn)
    if (slot) slot.writable = false
  }

  write(mm: number, vpn: number, counts: Counts): void {
    const slot = this.#slots.at(mm, vpn)
    if (!slot || slot.writable) return
    const mine = this.#own(mm, vpn, slot, counts, 'copies')
    mine.writable = true
    for (const hold of mine.frame.holds) if (hold.mm !== mm && isLive(hold, counts)) this.#leaked(hold)
  }

  /** A reader that must not share gets a page of its own. */
  unshare(mm: number, vpn: number, counts: Counts): void {
    const slot = this.#slots.at(mm, vpn)
    if (slot && !slot.writable && !slot.frame.exclusive) this.#own(mm, vpn, slot, counts, 'unshares')
  }

  take(mm: number, vpn: number, taking: Taking, counts: Counts): void {
    if (taking.asWrite) this.write(mm, vpn, counts)
    const found = this.#slots.at(mm, vpn)
    if (!found) return
    const { kind, pfn } = taking
    if (taking.unshares) this.unshare(mm, vpn, counts)
    const frame = this.#slots.at(mm, vpn)?.frame ?? found.frame
    const hold: Hold = { kind, mm, vpn, frame, pfn, hasDiverged: false, hasLeaked: false }
    frame.holds.add(hold)
    const here = this.#holds.get(pfn)
    if (here) here.push(hold)
    else this.#holds.set(pfn, [hold])
  }

  /** One FOLL_PIN reference on the recorded frame is given back. */
  release(pfn: number): void {
    const here = this.#holds.get(pfn) ?? []
    const hold = here.find(({ kind }) => kind === 'pin')
    if (hold) this.#drop(pfn, here, [hold])
  }

  /** The recorded frame is free: nobody holds it any more. */
  free(pfn: number): void {
    const here = this.#holds.get(pfn)
    if (here) this.#drop(pfn, here, here)
  }

  /** Frames that somebody is known to hold; fewer than all, mostly. */
  get heldFrames(): Iterable<number> {
    return this.#holds.keys()
  }

  get held(): number {
    return this.#holds.size
  }

  fork(parent: number, child: number, vpn: number, pages: number): void {
    for (const [at, slot] of this.#slots.in(parent, vpn, pages)) {
      if (this.#slots.isFull) return
      const { frame } = slot
      if (this.#deciding.copiesAtFork(frame, child, at)) {
        this.#ledger.copied('forkCopies', frame.isHugetlb ? 1 : frame.pages, frame.pages)
        this.#slots.set(child, at, { frame: fresh(frame, 1), writable: true })
        continue
      }
      slot.writable = false
      frame.exclusive = false
      frame.maps++
      this.#slots.set(child, at, { frame, writable: false })
    }
  }

  protect(mm: number, vpn: number, pages: number): void {
    for (const [, slot] of this.#slots.in(mm, vpn, pages)) slot.writable = false
  }

  unmap(mm: number, vpn: number, pages: number): void {
    for (const [at] of this.#slots.in(mm, vpn, pages)) this.#slots.remove(mm, at)
  }

  move(mm: number, vpn: number, pages: number, to: number): void {
    const moved = this.#slots.in(mm, vpn, pages)
    for (const [at] of moved) this.#slots.remove(mm, at)
    for (const [at, slot] of moved) {
      slot.frame.maps++
      this.#slots.set(mm, at - vpn + to, slot)
    }
  }

  exit(mm: number): void {
    this.#slots.removeAll(mm)
  }

  /** The slot with a page of its own. */
  #own(mm: number, vpn: number, slot: Slot, counts: Counts, copy: 'copies' | 'unshares'): Slot {
    const { frame } = slot
    if (this.#deciding.mayReuse(frame, counts)) {
      if (copy === 'copies') this.#ledger.count('reuses')
      frame.exclusive = true
      return slot
    }
    const pages = frame.isHugetlb ? frame.pages : 1
    const from = frame.isHugetlb ? vpn - (vpn % pages) : vpn
    this.#ledger.copied(copy, 1, pages)
    for (const hold of frame.holds) {
      if (hold.mm === mm && from <= hold.vpn && hold.vpn < from + pages && isLive(hold, counts))
        this.#diverged(hold)
    }
    // Of a huge page one page is copied; what is left of it stays mapped as it was.
    if (pages === frame.pages) frame.maps--
    const mine: Slot = { frame: fresh({ pages, isHugetlb: frame.isHugetlb }, 1), writable: false }
    this.#slots.set(mm, from, mine)
    return mine
  }

  #diverged(hold: Hold): void {
    if (hold.hasDiverged) return
    hold.hasDiverged = true
    this.#ledger.count(hold.kind === 'pin' ? 'pinsDiverged' : 'getsDiverged')
  }

  #leaked(hold: Hold): void {
    if (hold.hasLeaked) return
    hold.hasLeaked = true
    this.#ledger.count(hold.kind === 'pin' ? 'pinsLeaked' : 'getsLeaked')
  }

  #drop(pfn: number, here: readonly Hold[], gone: readonly Hold[]): void {
    for (const hold of gone) hold.frame.holds.delete(hold)
    const left = here.filter((hold) => !gone.includes(hold))
    if (left.length > 0) this.#holds.set(pfn, left)
    else this.#holds.delete(pfn)
  }
}

/** Nobody sees a FOLL_GET reference go: it is live while the kernel's own counts say that somebody holds the page. */
function isLive({ kind }: Hold, { isHeld }: Counts): boolean {
  return kind === 'pin' || isHeld
}

function fresh({ pages, isHugetlb }: Pick<Frame, 'pages' | 'isHugetlb'>, maps: number): Frame {
  return { pages, isHugetlb, maps, exclusive: maps === 1, holds: new Set() }
}
