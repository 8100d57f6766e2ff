import type { HistoryView, LivePin, SlotView } from '../../history/judge.js'
import { batchOf, numbered, type EventRow } from '../../history/testing/events.js'
import { Cause } from '../../model/facts.js'
import type { Finding, PageSize, RuleCount, RuleId } from '../../model/finding.js'
import { Flag, Foll, Kind } from '../../model/kinds.js'
import { policyFor } from '../../policy/policies.js'
import { LEGS } from '../legs.js'
import { Rules } from '../rules.js'

/** Test support: a history that is what a test says, and the rules before it. */

export const PARENT = 1
export const CHILD = 2
/** Page of the slot that tests look at, and its frame. */
export const VPN = 0x1000
export const PFN = 0x5000
export const TAKEN_NS = 1e9

/** The process of an address space. */
export function tgidOf(mm: number): number {
  return mm === 0 ? 0 : 100 + mm
}

export function slot(facts: Partial<SlotView> = {}): SlotView {
  return {
    mm: PARENT,
    vpn: VPN,
    pfn: PFN,
    order: 0,
    isPmdMapped: false,
    fromNs: TAKEN_NS,
    cause: Cause.AnonNew,
    isCertain: true,
    brokenSeq: 0,
    mayBeShared: false,
    protectedBy: 0,
    protectedByTgid: 0,
    protectedNs: 0,
    ...facts,
  }
}

/** By default FOLL_PIN for writing, through the slot of {@link slot}. */
export function pin(facts: Partial<LivePin> = {}): LivePin {
  return {
    pin: 1,
    mm: PARENT,
    vpn: VPN,
    pages: 1,
    pfn: PFN,
    foll: Foll.Pin | Foll.Write,
    tgid: tgidOf(PARENT),
    tid: tgidOf(PARENT),
    stack: 3,
    call: 0,
    fromNs: TAKEN_NS,
    seq: 1,
    held: facts.pages ?? 1,
    isCertain: true,
    splitNs: 0,
    ...facts,
  }
}

export const WRITE_GET: Partial<LivePin> = { foll: Foll.Get | Foll.Write }
export const READ_GET: Partial<LivePin> = { foll: Foll.Get }
export const READ_PIN: Partial<LivePin> = { foll: Foll.Pin }
export const LONGTERM_PIN: Partial<LivePin> = { foll: Foll.Pin | Foll.Write | Foll.Longterm }

/** A write fault of the parent on an anonymous page that nobody else maps or holds. */
export function fault(facts: Partial<EventRow> = {}): Partial<EventRow> {
  return {
    kind: Kind.WpFault,
    timeNs: TAKEN_NS + 1.5e6,
    tgid: tgidOf(PARENT),
    tid: tgidOf(PARENT),
    mm: PARENT,
    vpn: VPN,
    oldPfn: PFN,
    refcount: 1,
    mapcount: 1,
    ...facts,
    flags: ANON | (facts.flags ?? 0),
  }
}

export const ANON = Flag.Anon | Flag.Lru | Flag.Write | Flag.User | Flag.VmaMaywrite | Flag.VmaAnon

export interface Known {
  readonly slots?: readonly SlotView[]
  readonly pins?: readonly LivePin[]
  readonly uncertainFrames?: readonly number[]
}

export interface StageOptions {
  /** Release of the kernel that is judged. */
  readonly kernel?: string
  /** Legs that are not attached. */
  readonly without?: readonly string[]
  readonly maxFindings?: number
}

export class Stage {
  readonly rules: Rules
  /** As they were told last, by number. */
  readonly told = new Map<number, Finding>()
  /** How often the sink was told of a finding. */
  tellings = 0
  counts: readonly RuleCount[] = []
  #seq = 0

  constructor({ kernel = '6.1.0', without = [], ...options }: StageOptions = {}) {
    this.rules = new Rules({
      ...options,
      policy: policyFor(kernel),
      legs: LEGS.map((name) => ({ name, attached: !without.includes(name) })),
      sink: {
        finding: (finding) => {
          this.told.set(finding.finding, finding)
          this.tellings++
        },
        ruleCounts: (counts) => {
          this.counts = counts
        },
      },
    })
  }

  /** Judges events one after the other, each before the same knowledge. */
  judge(known: Known, ...events: readonly Partial<EventRow>[]): this {
    const rows = numbered(events, this.#seq + 1)
    this.#seq += rows.length
    const batch = batchOf(rows).events
    const view = viewOf(known)
    for (let i = 0; i < rows.length; i++) this.rules.judge(batch, i, view)
    this.rules.finish()
    return this
  }

  findings(rule: RuleId): readonly Finding[] {
    return [...this.told.values()].filter((finding) => finding.rule === rule)
  }

  /** "held 1", "broken 2", "unknown 1", joined; "" where the rule was not concerned. */
  answers(rule: RuleId, size?: PageSize): string {
    const sum = { held: 0, broken: 0, unknown: 0 }
    for (const count of this.counts) {
      if (count.rule !== rule || (size ?? count.size) !== count.size) continue
      sum.held += count.held
      sum.broken += count.broken
      sum.unknown += count.unknown
    }
    return Object.entries(sum)
      .filter(([, count]) => count > 0)
      .map(([answer, count]) => `${answer} ${count}`)
      .join(', ')
  }
}

export function viewOf({ slots = [], pins = [], uncertainFrames = [] }: Known): HistoryView {
  const slotAt = (mm: number, vpn: number) => slots.find((one) => one.mm === mm && one.vpn === vpn)
  const through = (one: LivePin, vpn: number, pages: number) => {
    for (let at = Math.max(vpn, one.vpn); at < Math.min(vpn + pages, one.vpn + one.pages); at++)
      if (slotAt(one.mm, at)?.pfn === one.pfn + (at - one.vpn)) return true
    return false
  }
  const pinsOn = (pfn: number, pages: number) =>
    pins.filter((one) => one.pfn < pfn + pages && one.pfn + one.pages > pfn)
  return {
    run: 1,
    isSample: false,
    hasPins: pins.length > 0,
    mmOf: (agentMm) => agentMm,
    tgidOf,
    slotAt,
    slotsOf: (pfn) => slots.filter((one) => one.pfn === pfn),
    pinsIn: (mm, vpn, pages) => pins.filter((one) => one.mm === mm && through(one, vpn, pages)),
    pinsOn,
    hasOthersPins: (mm, pfn, pages) => pinsOn(pfn, pages).some((one) => one.mm !== mm),
    isFrameCertain: (pfn) => !uncertainFrames.includes(pfn),
  }
}

/** What a finding says, in one line: verdict, cause, page size and reference. */
export function said({ verdict, cause, size, first: { reference } }: Finding): string {
  const what = `${verdict} ${cause} ${size}`
  if (reference === undefined) return what
  const { kind, write, longterm } = reference
  return `${what} ${longterm ? 'long-term ' : ''}${kind} for ${write ? 'writing' : 'reading'}`
}
