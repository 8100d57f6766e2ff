import type { HistoryView, SlotView } from '../history/judge.js'
import type { EventColumns } from '../model/events.js'
import { PAGE_SIZES, RULE_IDS, type PageSize, type RuleId, type Verdict } from '../model/finding.js'
import { DEFAULT_PMD_ORDER } from '../model/page-size.js'
import { isPromised, type Policy, type PolicyPromise } from '../policy/policy.js'
import { sizeOf } from './size.js'

/** What a rule sees: one event, the state that it met, and what this kernel promises. Reused from event to event. */
export class Scene {
  readonly policy: Policy
  /** Base pages of what a PMD maps. */
  readonly pmdPages: number
  events: EventColumns = NO_EVENTS
  i = 0
  view: HistoryView = NO_VIEW
  size: PageSize = '4k'
  /** Bits of `Flag`. */
  flags = 0

  readonly #promises: ReadonlyMap<RuleId, ReadonlyMap<PageSize, PolicyPromise>>

  constructor(policy: Policy, pmdOrder = DEFAULT_PMD_ORDER) {
    this.policy = policy
    this.pmdPages = 2 ** pmdOrder
    this.#promises = new Map(
      RULE_IDS.map((rule) => [rule, new Map(PAGE_SIZES.map((size) => [size, policy.promise(rule, size)]))]),
    )
  }

  at(events: EventColumns, i: number, view: HistoryView): void {
    this.events = events
    this.i = i
    this.view = view
    this.flags = events.flags[i]
    this.size = sizeOf(events, i)
  }

  get outcome(): number {
    return this.events.outcome[this.i]
  }

  get timeNs(): number {
    return this.events.timeNs[this.i]
  }

  get vpn(): number {
    return this.events.vpn[this.i]
  }

  get oldPfn(): number {
    return this.events.oldPfn[this.i]
  }

  get newPfn(): number {
    return this.events.newPfn[this.i]
  }

  get aux(): number {
    return this.events.aux[this.i]
  }

  get pages(): number {
    return this.events.pages[this.i]
  }

  /** The recording's number of the address space; 0: not known. */
  get mm(): number {
    return this.view.mmOf(this.events.mm[this.i])
  }

  /** The slot of the event as the history knows it. */
  get slot(): SlotView | undefined {
    return this.view.slotAt(this.mm, this.vpn)
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  /** `violation` where this kernel promises the rule here, else what it comes to. */
  judged<V extends Verdict>(
    rule: RuleId,
    otherwise: V,
    { kind, cause, size = this.size }: { kind?: 'pin' | 'get' | undefined; cause: string; size?: PageSize },
  ): 'violation' | V {
    const promise = this.#promises.get(rule)?.get(size)
    return promise && isPromised(promise, kind, cause) ? 'violation' : otherwise
  }
}

const NO_EVENTS: EventColumns = {
  length: 0,
  seq: new Float64Array(),
  timeNs: new Float64Array(),
  vpn: new Float64Array(),
  oldPfn: new Float64Array(),
  newPfn: new Float64Array(),
  aux: new Float64Array(),
  kind: new Uint8Array(),
  outcome: new Uint8Array(),
  order: new Uint8Array(),
  cpu: new Uint32Array(),
  tgid: new Uint32Array(),
  tid: new Uint32Array(),
  mm: new Uint32Array(),
  otherMm: new Uint32Array(),
  otherTgid: new Uint32Array(),
  pages: new Uint32Array(),
  flags: new Uint32Array(),
  stack: new Uint32Array(),
  refcount: new Int32Array(),
  mapcount: new Int32Array(),
  pincount: new Int32Array(),
  newRefcount: new Int32Array(),
}

const NO_VIEW: HistoryView = {
  run: 0,
  isSample: false,
  hasPins: false,
  mmOf: () => 0,
  tgidOf: () => 0,
  slotAt: () => undefined,
  slotsOf: () => [],
  pinsIn: () => [],
  pinsOn: () => [],
  hasOthersPins: () => false,
  isFrameCertain: () => false,
}
