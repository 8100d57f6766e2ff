import type { EventColumns } from '../model/events.js'
import { FrameKind } from '../model/facts.js'
import { Foll } from '../model/kinds.js'
import type { When } from './clock.js'
import type { Mm } from './mms.js'
import type { FrameFacts } from './page-tables.js'
import type { Parts } from './parts.js'
import { takesReference } from './pins.js'
import { alignedTo, MOST_PAGES, oldFrame, pagesOf } from './reading.js'

const LOW_BITS = 2 ** 32

/** GUP returned a run of pages: that is what the slots map, and, where it was asked for, a reference on each. */
export function gup(parts: Parts, events: EventColumns, i: number, mm: Mm, when: When): void {
  const pages = pagesOf(events, i)
  const pfn = events.oldPfn[i]
  const vpn = events.vpn[i]
  if (pfn === 0) {
    parts.anomalies.note('pin-without-frame', when)
    return
  }
  if (pages > MOST_PAGES) {
    parts.anomalies.note('impossible-range', when)
    return
  }
  const foll = events.aux[i] % LOW_BITS
  const seen = oldFrame(events, i, parts.pages.pmdOrder)
  const isOfSlots = (foll & Foll.File) === 0
  if (isOfSlots) observed(parts, seen, events, i, mm, when)
  if (!takesReference(foll)) return
  // Not every kernel counts references on a zero page: an unpin may never come.
  const held = seen.kind === FrameKind.Zero ? 'uncounted' : 'counted'
  parts.pins.take(
    {
      pin: parts.pins.next,
      mm: mm.id,
      vpn,
      pages,
      pfn,
      foll,
      tgid: events.tgid[i],
      tid: events.tid[i],
      stack: events.stack[i],
      call: Math.floor(events.aux[i] / LOW_BITS),
      fromNs: when.timeNs,
      seq: when.seq,
    },
    held,
    when,
  )
}

/** What the slots of a call map. */
function observed(parts: Parts, seen: FrameFacts, events: EventColumns, i: number, mm: Mm, when: When): void {
  const pages = pagesOf(events, i)
  const pfn = events.oldPfn[i]
  const vpn = events.vpn[i]
  const first = alignedTo(vpn, seen.run)
  // A run that is not aligned alike in both spaces is none.
  if (vpn - first === pfn - seen.pfn) parts.pages.observeRange(mm, first, pages + (vpn - first), seen, when)
  else parts.pages.observeRange(mm, vpn, pages, { ...seen, pfn, run: 0 }, when)
}

/** References were given back, by whomever. */
export function unpin(parts: Parts, events: EventColumns, i: number, when: When): void {
  const pages = pagesOf(events, i)
  if (pages > MOST_PAGES) {
    parts.anomalies.note('impossible-range', when)
    return
  }
  const refs = events.aux[i] === 0 ? 1 : events.aux[i]
  const release = { pfn: events.oldPfn[i], pages, refs, order: events.order[i], tgid: events.tgid[i] }
  const missing = parts.pins.release(release, when)
  // One that was taken before tracing began, or in a gap, is no contradiction.
  if (missing >= 0 && parts.pages.isWholeLifeKnown(missing)) parts.anomalies.note('unpin-without-pin', when)
}
