import type { EventColumns } from '../model/events.js'
import type { PageSize } from '../model/finding.js'
import { Flag, Kind } from '../model/kinds.js'
import type { SlotView } from '../history/judge.js'
import type { Scene } from './scene.js'

/** 1 GiB: no folio is larger on the machines that the agent runs on. An event that says more is taken for a base page. */
const LARGEST_ORDER = 18
const HUGETLB = Flag.Hugetlb | Flag.VmaHugetlb

/** How the slot that the event is about maps its frame. */
export function sizeOf(events: EventColumns, i: number): PageSize {
  const flags = events.flags[i]
  const kind = events.kind[i]
  if (kind === Kind.HugetlbWp || (flags & HUGETLB) !== 0) return 'hugetlb'
  if (kind === Kind.HugeWp || kind === Kind.PmdSplit || (flags & Flag.PmdMapped) !== 0) return 'thp'
  if (events.order[i] > 0 || (flags & Flag.Large) !== 0) return 'pte-mapped'
  return '4k'
}

/** The same by what the history knows, for events that tell ranges; `size` is what the event says. */
export function sizeOfSlot(slot: SlotView | undefined, size: PageSize): PageSize {
  if (size === 'hugetlb' || slot === undefined) return size
  if (slot.isPmdMapped) return 'thp'
  return slot.order > 0 ? 'pte-mapped' : '4k'
}

/** Base pages of the folio that the event names. */
export function folioPages(events: EventColumns, i: number): number {
  const order = events.order[i]
  return order <= LARGEST_ORDER ? 1 << order : 1
}

/** Base pages that the slot of a fault covers. */
export function slotPages({ events, i, pmdPages }: Scene): number {
  if (events.kind[i] === Kind.HugeWp) return pmdPages
  return events.kind[i] === Kind.HugetlbWp ? folioPages(events, i) : 1
}
