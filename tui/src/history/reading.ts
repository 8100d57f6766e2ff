import type { EventColumns } from '../model/events.js'
import { FrameKind } from '../model/facts.js'
import { Flag, Kind } from '../model/kinds.js'
import type { FrameFacts } from './page-tables.js'

/** 1 GiB of base pages: the largest folio there is (a hugetlb page) on the machines that the agent runs on. */
export const LARGEST_ORDER = 18
/** 4 GiB: no run of pages that are looked at one by one is longer. */
export const MOST_PAGES = 2 ** 20
/** User addresses have 56 bits at most (x86: 5-level page tables), physical ones 52. */
export const MOST_VPN = 2 ** 44
const MOST_PFN = 2 ** 40

/** Whether all page numbers of the event are such as there can be. */
export function isPossible(events: EventColumns, i: number): boolean {
  return (
    events.vpn[i] < MOST_VPN &&
    events.oldPfn[i] < MOST_PFN &&
    events.newPfn[i] < MOST_PFN &&
    events.order[i] <= LARGEST_ORDER
  )
}

/** Read once an event: no object is made for each. */
const OLD: { -readonly [Name in keyof FrameFacts]: FrameFacts[Name] } = {
  pfn: 0,
  order: 0,
  kind: FrameKind.Unknown,
  run: 0,
}

/** The old frame of event i, on a host of that PMD order; what is returned says so until the next call. */
export function oldFrame(events: EventColumns, i: number, pmdOrder: number): FrameFacts {
  OLD.run = oldRun(events, i, pmdOrder)
  OLD.pfn = alignedTo(events.oldPfn[i], OLD.run)
  OLD.order = events.order[i]
  OLD.kind = frameKind(events.flags[i])
  return OLD
}

/** The order of what is mapped as one with the old frame: 0 where it is mapped by a PTE. */
export function oldRun(events: EventColumns, i: number, pmdOrder: number): number {
  const order = events.order[i]
  const kind = events.kind[i]
  const flags = events.flags[i]
  if (kind === Kind.WpFault) return 0
  if (kind === Kind.HugetlbWp || (flags & (Flag.Hugetlb | Flag.VmaHugetlb)) !== 0) return order
  const isPmd = kind === Kind.HugeWp || kind === Kind.PmdSplit || (flags & Flag.PmdMapped) !== 0
  return isPmd && order >= pmdOrder ? pmdOrder : 0
}

/** The first page of its naturally aligned run of 2^order pages. */
export function alignedTo(page: number, order: number): number {
  return order === 0 ? page : page - (page % (1 << order))
}

export function frameKind(flags: number): FrameKind {
  if ((flags & Flag.Zero) !== 0) return FrameKind.Zero
  if ((flags & Flag.Ksm) !== 0) return FrameKind.Ksm
  if ((flags & Flag.Hugetlb) !== 0) return FrameKind.Hugetlb
  if ((flags & Flag.Anon) !== 0) return FrameKind.Anon
  if ((flags & Flag.File) !== 0) return FrameKind.File
  return FrameKind.Unknown
}

/** Base pages that event i is about. */
export function pagesOf(events: EventColumns, i: number): number {
  if (events.pages[i] !== 0) return events.pages[i]
  switch (events.kind[i]) {
    case Kind.WpFault:
    case Kind.ForkCopy:
    case Kind.Gup:
    case Kind.Unpin:
    case Kind.SwapOut:
    case Kind.SwapIn:
    case Kind.KsmMerge:
      return 1
    case Kind.HugeWp:
    case Kind.HugetlbWp:
    case Kind.FrameFree:
    case Kind.AnonNew:
    case Kind.Migrate:
    case Kind.Collapse:
    case Kind.FolioSplit:
    case Kind.PmdSplit:
      return 1 << Math.min(events.order[i], LARGEST_ORDER)
    default:
      return 0
  }
}
