import type { EventColumns } from '../model/events.js'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { Kind, Outcome } from '../model/kinds.js'
import type { When } from './clock.js'
import type { Mm } from './mms.js'
import type { Parts } from './parts.js'
import { alignedTo, frameKind, oldFrame, oldRun } from './reading.js'
import { SlotFlag } from './slots.js'

/** A write-protect fault, of a page, of a PMD or of hugetlb. */
export function fault(parts: Parts, events: EventColumns, i: number, mm: Mm, when: When): void {
  switch (events.outcome[i]) {
    case Outcome.Copy:
      copied(parts, events, i, mm, Cause.Copy, EdgeKind.Copy, when)
      return
    case Outcome.Unshare:
      copied(parts, events, i, mm, Cause.Unshare, EdgeKind.Unshare, when)
      return
    case Outcome.Reuse:
    case Outcome.Shared: {
      const { pages, clock } = parts
      const row = pages.observe(
        mm,
        slotOf(events, i, pages.pmdOrder),
        oldFrame(events, i, pages.pmdOrder),
        when,
      )
      if (row >= 0) pages.slots.setProtections(row, clock.protections)
      return
    }
    case Outcome.Fallback:
      splitRun(parts, mm, slotOf(events, i, parts.pages.pmdOrder), when)
      return
    case Outcome.None:
    case Outcome.Retry:
    case Outcome.UnshareNoop:
    case Outcome.Uffd:
    case Outcome.Failed:
      // Told at the fault's end, when the lock is gone: what was mapped at its entry may be mapped no more.
      return
    default:
      parts.anomalies.note('unknown-kind', when)
  }
}

function copied(
  parts: Parts,
  events: EventColumns,
  i: number,
  mm: Mm,
  cause: Cause,
  kind: EdgeKind,
  when: When,
): void {
  const { pages, anomalies } = parts
  const vpn = slotOf(events, i, pages.pmdOrder)
  const old = pages.observe(mm, vpn, oldFrame(events, i, pages.pmdOrder), when)
  const from = pages.frameId(old, when)
  const pfn = events.newPfn[i]
  if (pfn === 0 || pfn === events.oldPfn[i]) {
    anomalies.note('copy-without-frame', when)
    if (pfn === 0) pages.endRange(mm, vpn, 1, cause, when)
    return
  }
  // A PTE fault copies one base page, also out of a large folio.
  const run = events.kind[i] === Kind.WpFault ? 0 : oldRun(events, i, pages.pmdOrder)
  const kindOfFrame = frameKind(events.flags[i]) === FrameKind.Hugetlb ? FrameKind.Hugetlb : FrameKind.Anon
  const fresh = { pfn: alignedTo(pfn, run), order: run, kind: kindOfFrame, run }
  const row =
    old >= 0 && run === 0 && pages.slots.orderOf(old) === 0
      ? pages.replace(old, mm, vpn, fresh, cause, when)
      : pages.mapNew(mm, vpn, fresh, cause, when)
  pages.edge(kind, from, pages.frameId(row, when), mm, vpn, when)
}

/** Copied early for the child: before the event of the range that it shares otherwise. */
export function forkCopy(
  parts: Parts,
  events: EventColumns,
  i: number,
  parent: Mm,
  child: Mm,
  when: When,
): void {
  const { pages, anomalies } = parts
  const vpn = slotOf(events, i, pages.pmdOrder)
  const old = oldFrame(events, i, pages.pmdOrder)
  const from = pages.frameId(pages.observe(parent, vpn, old, when), when)
  const pfn = events.newPfn[i]
  if (pfn === 0 || pfn === events.oldPfn[i]) {
    anomalies.note('copy-without-frame', when)
    return
  }
  // Of hugetlb the event is about a whole page, else about one base page.
  const isHugetlb = old.kind === FrameKind.Hugetlb
  const run = isHugetlb ? old.run : 0
  const kind = isHugetlb ? FrameKind.Hugetlb : FrameKind.Anon
  const fresh = { pfn: alignedTo(pfn, run), order: run, kind, run }
  const to = pages.frameId(pages.mapNew(child, vpn, fresh, Cause.ForkCopy, when), when)
  pages.edge(EdgeKind.ForkCopy, from, to, child, vpn, when)
}

/** A PMD became a page table: the slots go on, each can change by itself from now on. */
export function splitRun(parts: Parts, mm: Mm, vpn: number, when: When): void {
  const { slots } = parts.pages
  const row = slots.find(mm.id, vpn)
  if (row < 0 || slots.orderOf(row) === 0) return
  slots.setFlags(row, slots.flagsOf(row) & ~SlotFlag.Whole)
  parts.pins.split(mm.id, slots.vpnOf(row), slots.pagesOf(row), when)
}

/** The slot that event i is about: of a run, its first. */
function slotOf(events: EventColumns, i: number, pmdOrder: number): number {
  return alignedTo(events.vpn[i], oldRun(events, i, pmdOrder))
}
