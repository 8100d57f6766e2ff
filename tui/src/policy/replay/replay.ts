import type { EventColumns } from '../../model/events.js'
import { Flag, Foll, Kind, Outcome, Protection } from '../../model/kinds.js'
import type { Policy } from '../policy.js'
import { Ledger, type Tally } from './ledger.js'
import { countsOf, metAt, MOST_PAGES } from './met.js'
import { decidingBy, type Counts, type Deciding } from './rules.js'
import { World, type Met } from './world.js'

/** A recording run again under another policy, beside what its own kernel did. */
export interface ReplayResult {
  readonly policy: string
  /** What was done by processes and taken over. */
  readonly operations: number
  /** What the kernel did on its own account (swap, migration, KSM, collapse): left out of both. */
  readonly leftOut: number
  /** Pages that were met when there was no room for more: neither side follows them. */
  readonly pagesNotFollowed: number
  readonly asRecorded: Tally
  readonly replayed: Tally
}

const MOST_SLOTS = 2 ** 21
/** References that one release gives back at most. */
const MOST_REFERENCES = 512
const LEFT_OUT: readonly number[] = [Kind.SwapOut, Kind.SwapIn, Kind.Migrate, Kind.KsmMerge, Kind.Collapse]
const COPIED_BY_FORK = Flag.VmaAnon | Flag.VmaUffdWp | Flag.VmaHugetlb

/**
 * Takes what processes did (fork, write, GUP, unpin, mprotect, unmap, exit) out of the events and asks what the kernel of
 * the policy would have answered. What a recording does not show cannot be replayed: writes that made no fault.
 */
export function replayUnder(policy: Policy, events: Iterable<EventColumns>): ReplayResult {
  const replay = new Replay(policy)
  for (const columns of events) for (let i = 0; i < columns.length; i++) replay.event(columns, i)
  return replay.result()
}

class Replay {
  readonly #policy: Policy
  readonly #recordedLedger = new Ledger()
  readonly #triedLedger = new Ledger()
  readonly #recorded: World
  readonly #tried: World
  /** What the recorded kernel decided at the event that is looked at. */
  #decided: 'reuse' | 'copy' = 'reuse'
  /** The fault that the GUP call in progress made last: its counts are those that the call met. */
  #inGup:
    { readonly mm: number; readonly vpn: number; readonly pages: number; readonly counts: Counts } | undefined
  /** Pages that the fork in progress has copied early: "child/page". */
  readonly #copiedAtFork = new Set<string>()
  #operations = 0
  #leftOut = 0
  #pagesNotFollowed = 0

  constructor(policy: Policy) {
    this.#policy = policy
    const asRecorded: Deciding = {
      mayReuse: () => this.#decided === 'reuse',
      copiesAtFork: (_, child, vpn) => this.#copiedAtFork.delete(`${child}/${vpn}`),
    }
    this.#recorded = new World(this.#recordedLedger, asRecorded, MOST_SLOTS)
    this.#tried = new World(this.#triedLedger, decidingBy(policy.mechanics), MOST_SLOTS)
  }

  result(): ReplayResult {
    return {
      policy: this.#policy.name,
      operations: this.#operations,
      leftOut: this.#leftOut,
      pagesNotFollowed: this.#pagesNotFollowed,
      asRecorded: this.#recordedLedger.tally,
      replayed: this.#triedLedger.tally,
    }
  }

  event(events: EventColumns, i: number): void {
    const kind = events.kind[i]
    if (LEFT_OUT.includes(kind)) this.#leftOut++
    else if (this.#run(events, i, kind)) this.#operations++
  }

  /** Whether the event told what a process did. */
  #run(events: EventColumns, i: number, kind: number): boolean {
    const mm = events.mm[i]
    const vpn = events.vpn[i]
    const pages = Math.min(events.pages[i], MOST_PAGES)
    const all = events.pages[i]
    switch (kind) {
      case Kind.WpFault:
      case Kind.HugeWp:
      case Kind.HugetlbWp:
        return this.#fault(events, i)
      case Kind.AnonNew:
      case Kind.Snapshot:
        this.#begin(events, i, pages)
        return kind === Kind.AnonNew
      case Kind.Gup:
        for (let page = 0; page < pages; page++) this.#take(events, i, page)
        return true
      case Kind.Unpin:
        for (let page = 0; page < pages; page++)
          for (let left = Math.min(events.aux[i] || 1, MOST_REFERENCES); left > 0; left--)
            this.#both((world) => {
              world.release(events.oldPfn[i] + page)
            })
        return true
      case Kind.FrameFree:
        this.#free(events.oldPfn[i], 2 ** Math.min(events.order[i], 18))
        return false
      case Kind.ForkCopy:
        this.#copiedAtFork.add(`${events.otherMm[i]}/${vpn}`)
        this.#meet(events, i, vpn)
        return false
      case Kind.ForkVma:
        return this.#fork(events, i)
      case Kind.Wrprotect:
        if (events.aux[i] === Protection.MprotectWritable || events.aux[i] === Protection.UffdWpResolve)
          return false
        this.#both((world) => {
          world.protect(mm, vpn, all)
        })
        return true
      case Kind.Unmap:
        this.#both((world) => {
          world.unmap(mm, vpn, all)
        })
        return true
      case Kind.Remap:
        this.#both((world) => {
          world.move(mm, vpn, all, events.aux[i])
        })
        return true
      case Kind.MmExit:
        this.#both((world) => {
          world.exit(mm)
        })
        return true
      default:
        return false
    }
  }

  #both(run: (world: World) => void): void {
    run(this.#recorded)
    run(this.#tried)
  }

  /** A first touch, or what was mapped when the recording began. */
  #begin(events: EventColumns, i: number, pages: number): void {
    const isNew = events.kind[i] === Kind.AnonNew
    const met = metAt(events, i, isNew || (events.flags[i] & Flag.Writable) !== 0)
    const mm = events.mm[i]
    for (let page = 0; page < pages; page += met.pages) {
      const at = events.vpn[i] + page
      if (isNew)
        this.#both((world) => {
          world.unmap(mm, at, met.pages)
        })
      this.#follow(mm, at, met)
    }
  }

  #follow(mm: number, vpn: number, met: Met): void {
    const hasRoom = [this.#recorded, this.#tried].map((world) => world.meet(mm, vpn, met))
    if (hasRoom.includes(false)) this.#pagesNotFollowed++
  }

  /** What the event says of a page that nothing may have told of before. */
  #meet(events: EventColumns, i: number, vpn: number): void {
    const isWritten = events.kind[i] === Kind.Gup && (events.aux[i] & Foll.Write) !== 0
    const met = metAt(events, i, isWritten)
    this.#follow(events.mm[i], vpn - (vpn % met.pages), met)
  }

  #fault(events: EventColumns, i: number): boolean {
    const outcome = events.outcome[i]
    this.#decided = outcome === Outcome.Copy || outcome === Outcome.Unshare ? 'copy' : 'reuse'
    const isEnd = this.#decided === 'copy' || outcome === Outcome.Reuse
    // Files' pages have rules of their own, and shared mappings no copies.
    if (!isEnd || (events.flags[i] & Flag.Anon) === 0 || (events.flags[i] & Flag.VmaShared) !== 0)
      return false
    const { mm, vpn } = { mm: events.mm[i], vpn: events.vpn[i] }
    this.#meet(events, i, vpn)
    const counts = countsOf(events, i)
    // Of the recorded kernel it is known that the page was not writable.
    this.#recorded.wasReadOnly(mm, vpn)
    if (outcome === Outcome.Unshare) this.#recorded.unshare(mm, vpn, counts)
    else this.#recorded.write(mm, vpn, counts)
    // What a GUP call made of it is asked anew when the call is told.
    if ((events.flags[i] & (Flag.InGup | Flag.Unshare)) !== 0) {
      this.#inGup = { mm, vpn, pages: events.pages[i] || 1, counts }
      return false
    }
    this.#tried.write(mm, vpn, counts)
    return true
  }

  #take(events: EventColumns, i: number, page: number): void {
    const foll = events.aux[i] & 0xffff
    if ((foll & (Foll.Pin | Foll.Get)) === 0) return
    const { mm, vpn } = { mm: events.mm[i], vpn: events.vpn[i] + page }
    this.#meet(events, i, vpn)
    const { forcesBreak, pinUnshares } = this.#policy.mechanics
    const kind = (foll & Foll.Pin) !== 0 ? 'pin' : 'get'
    const isWrite = (foll & Foll.Write) !== 0
    const pfn = events.oldPfn[i] + page
    const fault = this.#inGup
    const isMet = fault?.mm === mm && fault.vpn <= vpn && vpn < fault.vpn + fault.pages
    const counts = isMet ? fault.counts : countsOf(events, i)
    this.#inGup = undefined
    this.#recorded.take(mm, vpn, { kind, pfn, asWrite: false, unshares: false }, counts)
    const unshares = pinUnshares && kind === 'pin' && !isWrite
    this.#tried.take(mm, vpn, { kind, pfn, asWrite: isWrite || forcesBreak, unshares }, counts)
  }

  #fork(events: EventColumns, i: number): boolean {
    const flags = events.flags[i]
    const isCopied = (flags & COPIED_BY_FORK) !== 0 && (flags & (Flag.VmaWipeonfork | Flag.VmaShared)) === 0
    if (!isCopied || events.outcome[i] === Outcome.Failed) return false
    this.#both((world) => {
      world.fork(events.mm[i], events.otherMm[i], events.vpn[i], events.pages[i])
    })
    this.#copiedAtFork.clear()
    return true
  }

  #free(pfn: number, pages: number): void {
    this.#both((world) => {
      if (pages <= world.held) for (let page = 0; page < pages; page++) world.free(pfn + page)
      else for (const held of [...world.heldFrames]) if (pfn <= held && held < pfn + pages) world.free(held)
    })
  }
}
