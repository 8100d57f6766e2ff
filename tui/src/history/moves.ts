import type { EventColumns } from '../model/events.js'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { Flag, Outcome } from '../model/kinds.js'
import type { When } from './clock.js'
import { splitRun } from './faults.js'
import type { Mm } from './mms.js'
import type { Parts } from './parts.js'
import { alignedTo, MOST_PAGES, MOST_VPN, oldFrame, pagesOf } from './reading.js'
import { SlotFlag } from './slots.js'
import type { Swaps } from './swaps.js'

/** What moves pages without a write of their owner: the kernel's own doing, and mremap. */

/** Every slot of the folio maps the new one. Pins stay where they were: on the old frames. */
export function migrate({ pages, anomalies }: Parts, events: EventColumns, i: number, when: When): void {
  const { slots, frames } = pages
  const old = oldFrame(events, i, pages.pmdOrder)
  const count = 1 << old.order
  const from = alignedTo(events.oldPfn[i], old.order)
  const to = alignedTo(events.newPfn[i], old.order)
  if (from === 0 || to === 0 || from === to) {
    anomalies.note('move-without-frame', when)
    return
  }
  pages.cutFrames(from, count, when)
  pages.endStale(to, count, when)
  frames.forEach(from, count, (frame) => {
    const isTold = frames.idOf(frame) !== 0
    if (!isTold && frames.firstSlotOf(frame) < 0) return
    const kind = frames.kindOf(frame) as FrameKind // only kinds are put in
    const pfn = to + (frames.pfnOf(frame) - from)
    const fresh = pages.beginFramesPage({ pfn, order: old.order, kind, run: 0 }, when)
    for (let row = frames.firstSlotOf(frame); row >= 0; row = frames.firstSlotOf(frame)) {
      slots.setFlags(row, slots.flagsOf(row) | SlotFlag.MayBeShared)
      pages.move(row, pages.mmOf(row), slots.vpnOf(row), fresh, Cause.Migrate, when)
    }
    if (isTold) pages.edgeOfRows(EdgeKind.Migrate, frame, fresh, when)
  })
}

/** khugepaged or MADV_COLLAPSE: one new folio in place of many pages. */
export function collapse(parts: Parts, events: EventColumns, i: number, mm: Mm, when: When): void {
  if (events.outcome[i] === Outcome.Failed) return
  const { pages, anomalies } = parts
  const order = events.order[i]
  const pfn = events.newPfn[i]
  const vpn = events.vpn[i]
  if (pfn === 0 || vpn !== alignedTo(vpn, order) || pfn !== alignedTo(pfn, order)) {
    anomalies.note('move-without-frame', when)
    return
  }
  const from = new Set<number>()
  pages.forEachSlot(mm, vpn, 1 << order, when, (row) => {
    from.add(pages.frames.idOf(pages.slots.frameOf(row)))
  })
  const kind = (events.flags[i] & Flag.File) !== 0 ? FrameKind.File : FrameKind.Anon
  const row = pages.mapNew(mm, vpn, { pfn, order, kind, run: order }, Cause.Collapse, when)
  const to = pages.frameId(row, when)
  for (const frame of from) pages.edge(EdgeKind.Collapse, frame, to, mm, vpn, when)
}

/** Each slot of the range holds a swap entry now. */
export function swapOut(
  { pages }: Parts,
  swaps: Swaps,
  events: EventColumns,
  i: number,
  mm: Mm,
  when: When,
): void {
  const count = Math.min(pagesOf(events, i), 2 ** pages.pmdOrder)
  const old = { ...oldFrame(events, i, pages.pmdOrder), run: 0 }
  for (let page = 0; page < count; page++) {
    const vpn = events.vpn[i] + page
    const pfn = events.oldPfn[i] === 0 ? 0 : events.oldPfn[i] + page
    const frame = pages.frameId(pages.observe(mm, vpn, { ...old, pfn }, when), when)
    if (events.aux[i] !== 0) swaps.wentOut(events.aux[i] + page, frame)
    pages.endRange(mm, vpn, 1, Cause.SwapOut, when)
  }
}

export function swapIn(
  parts: Parts,
  swaps: Swaps,
  events: EventColumns,
  i: number,
  mm: Mm,
  when: When,
): void {
  const { pages, anomalies } = parts
  const first = events.newPfn[i]
  if (first === 0) {
    anomalies.note('move-without-frame', when)
    return
  }
  const count = Math.min(pagesOf(events, i), 2 ** pages.pmdOrder)
  for (let page = 0; page < count; page++) {
    const vpn = events.vpn[i] + page
    const seen = { pfn: first + page, order: events.order[i], kind: FrameKind.Anon, run: 0 }
    const to = pages.frameId(pages.mapSeen(mm, vpn, seen, Cause.SwapIn, when), when)
    if (events.aux[i] !== 0) pages.edge(EdgeKind.Swap, swaps.frameOf(events.aux[i] + page), to, mm, vpn, when)
  }
}

/** One page of one address space is the KSM page now, or has become one. */
export function ksmMerge(
  { pages, anomalies }: Parts,
  events: EventColumns,
  i: number,
  mm: Mm,
  when: When,
): void {
  const vpn = events.vpn[i]
  const row = pages.observe(mm, vpn, { ...oldFrame(events, i, pages.pmdOrder), run: 0 }, when)
  const pfn = events.newPfn[i]
  if (pfn === 0) {
    anomalies.note('move-without-frame', when)
    return
  }
  if (pfn === events.oldPfn[i]) {
    if (row < 0) return
    pages.frames.setKind(pages.slots.frameOf(row), FrameKind.Ksm)
    pages.slots.setFlags(row, pages.slots.flagsOf(row) | SlotFlag.MayBeShared)
    return
  }
  const from = pages.frameId(row, when)
  const seen = { pfn, order: 0, kind: FrameKind.Ksm, run: 0 }
  const to = pages.frameId(pages.mapSeen(mm, vpn, seen, Cause.KsmMerge, when), when)
  pages.edge(EdgeKind.Ksm, from, to, mm, vpn, when)
}

/** mremap or UFFDIO_MOVE: slots move to another address, with their frames. */
export function remap(
  { pages, anomalies }: Parts,
  events: EventColumns,
  i: number,
  mm: Mm,
  when: When,
): void {
  const { slots } = pages
  const from = events.vpn[i]
  const count = events.pages[i]
  const to = events.aux[i]
  if (from === to || count === 0) return
  if (to >= MOST_VPN || (from < to + count && to < from + count)) {
    // mremap(2): EINVAL.
    anomalies.note('impossible-range', when)
    return
  }
  pages.endRange(mm, to, count, Cause.Remap, when)
  const moving: number[] = []
  pages.forEachSlot(mm, from, count, when, (row) => moving.push(row))
  for (const row of moving) if ((to - from) % slots.pagesOf(row) !== 0) pages.takeApart(row, mm, when)
  const parts: number[] = []
  pages.forEachSlot(mm, from, count, when, (row) => parts.push(row))
  for (const row of parts)
    pages.move(row, mm, slots.vpnOf(row) + (to - from), slots.frameOf(row), Cause.Remap, when)
  mm.protections.move(from, from + count, to)
}

/** What was mapped when the target was attached. Where events have said since what is mapped, they know better. */
export function snapshot(
  { pages, anomalies }: Parts,
  events: EventColumns,
  i: number,
  mm: Mm,
  when: When,
): void {
  const vpn = events.vpn[i]
  const count = pagesOf(events, i)
  if (count > MOST_PAGES) {
    anomalies.note('impossible-range', when)
    return
  }
  const old = oldFrame(events, i, pages.pmdOrder)
  const step = 1 << old.run
  for (let at = alignedTo(vpn, old.run); at < vpn + count; at += step) {
    if (pages.isMapped(mm, at)) continue
    if (old.pfn === 0) pages.endRange(mm, at, step, Cause.Snapshot, when)
    else {
      const pfn = old.pfn + (at - alignedTo(vpn, old.run))
      pages.observeRange(mm, at, step, { ...old, pfn }, when, Cause.Snapshot)
    }
  }
}

export function pmdSplit(parts: Parts, events: EventColumns, i: number, mm: Mm, when: When): void {
  const { pages, pins } = parts
  const vpn = alignedTo(events.vpn[i], pages.pmdOrder)
  const pfn = alignedTo(events.oldPfn[i], pages.pmdOrder)
  const seen = { ...oldFrame(events, i, pages.pmdOrder), pfn, run: pages.pmdOrder }
  if (pfn !== 0) {
    const row = pages.slots.find(mm.id, vpn)
    // Told behind the first faults on its pages: they are known one by one.
    const isApart = row >= 0 && pages.slots.orderOf(row) === 0 && pages.pfnAt(row, vpn) === pfn
    if (!isApart) pages.observe(mm, vpn, seen, when)
  }
  splitRun(parts, mm, vpn, when)
  pins.split(mm.id, vpn, 2 ** pages.pmdOrder, when)
}

/** The frames stay, in smaller folios; whoever mapped them by a PMD does not any more, and each page has a frame of its own. */
export function folioSplit({ pages }: Parts, events: EventColumns, i: number, when: When): void {
  if (events.outcome[i] === Outcome.Failed) return
  const { frames, slots } = pages
  const order = events.order[i]
  const left = Math.min(events.aux[i] % 256, order)
  const head = left === 0 ? frames.find(alignedTo(events.oldPfn[i], order)) : -1
  for (let row = head < 0 ? -1 : frames.firstSlotOf(head); row >= 0;) {
    const next = slots.links.next(row)
    if (slots.orderOf(row) > 0) pages.takeApart(row, pages.mmOf(row), when)
    row = next
  }
  frames.forEach(alignedTo(events.oldPfn[i], order), 1 << order, (frame) => {
    frames.setOrder(frame, left)
    for (let row = frames.firstSlotOf(frame); row >= 0; row = slots.links.next(row))
      slots.setFlags(row, slots.flagsOf(row) & ~SlotFlag.Whole)
  })
}
