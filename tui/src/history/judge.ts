/**
 * What the history shows to those who judge it, one event at a time. The rules implement `Judge`; the history knows
 * nothing of them.
 */
import type { EventColumns } from '../model/events.js'
import type { PinFact } from '../model/facts.js'

/** Called for each event in the order of time, before the history applies it: the view is the state that the event met. */
export interface Judge {
  judge(events: EventColumns, index: number, view: HistoryView): void
  /** Another run of the agent begins: numbers of the agent lose their meaning. */
  begin(run: number): void
}

/** A pin that has not ended. */
export interface LivePin extends PinFact {
  /** References that are not given back yet; of a FOLL_GET all, as nobody sees them go. */
  readonly held: number
  /** False where a gap since may hide that it was given back, and where an unpin may have meant another pin. */
  readonly isCertain: boolean
  /** When a PMD split last met one of its slots; 0: never. */
  readonly splitNs: number
}

export interface SlotView {
  readonly mm: number
  readonly vpn: number
  readonly pfn: number
  readonly order: number
  /** The slot lies in what a PMD (or hugetlb's own entry) maps as one; its vpn and pfn are those of the page itself. */
  readonly isPmdMapped: boolean
  readonly fromNs: number
  /** A `Cause`. */
  readonly cause: number
  /** Observed since the last gap, and not deduced; false of a page whose history is not told (`isSample`). */
  readonly isCertain: boolean
  /** When the slot last got a copy of its own (copy, unshare, first touch): seq; 0: not seen. */
  readonly brokenSeq: number
  /** Fork, KSM, swap, collapse or migration has touched it since `brokenSeq`. */
  readonly mayBeShared: boolean
  /** What last write-protected it, a `Protection`, or 8 for fork; 0: nothing since it was mapped or made writable. */
  readonly protectedBy: number
  /** Who did that, and when. */
  readonly protectedByTgid: number
  readonly protectedNs: number
}

/** Reading allocates nothing but what it returns; objects returned are valid only within the call to `judge`. */
export interface HistoryView {
  readonly run: number
  /** The agent tells the history of some pages alone: references on others are not known, on the same folio either. */
  readonly isSample: boolean
  /** The recording's number of the agent's address space; 0: not known. */
  mmOf(agentMm: number): number
  /** The process that was last seen in it; 0: not known. */
  tgidOf(mm: number): number
  slotAt(mm: number, vpn: number): SlotView | undefined
  /** Slots, of any address space, that map the frame. */
  slotsOf(pfn: number): readonly SlotView[]
  /** Live pins that were taken through slots of [vpn, vpn + pages) and whose frames those slots still map. */
  pinsIn(mm: number, vpn: number, pages: number): readonly LivePin[]
  /** Live pins on frames of [pfn, pfn + pages), through whatever slots. */
  pinsOn(pfn: number, pages: number): readonly LivePin[]
  /** False where no pin on frames of [pfn, pfn + pages) was taken through another address space than `mm`. */
  hasOthersPins(mm: number, pfn: number, pages: number): boolean
  /** False while events may have been lost that concern the frame: since the last gap it was not met. */
  isFrameCertain(pfn: number): boolean
  /** Cheap: whether any pin is live at all. */
  readonly hasPins: boolean
}
