import { Flag, Kind } from '../../model/kinds.js'
import type { Mechanics } from '../mechanics.js'
import {
  areaAt,
  folioOf,
  isExclusive,
  lowestFree,
  mapcount,
  newFolio,
  pageAt,
  pincount,
  refcount,
  totalMaps,
  type Area,
  type Entry,
  type Folio,
  type Memory,
  type Mm,
  type SlotSize,
} from './memory.js'
import type { Told } from './rows.js'

/** What all operations share: memory under one kernel's rules, and the events that it tells. */
export class Machine {
  memory: Memory
  readonly rules: Mechanics
  /** Told by the operations since it was last emptied. */
  readonly told: Told[] = []

  constructor(memory: Memory, rules: Mechanics) {
    this.memory = memory
    this.rules = rules
  }

  tell(kind: number, mm: Mm | undefined, told: Told): void {
    this.told.push({ kind, mm: mm?.id ?? 0, tgid: mm ? tgidOf(mm.id) : KERNEL_TGID, ...told })
  }

  /** A new folio, with fresh contents; exclusive where this kernel knows that. */
  allocate(size: SlotSize): Folio {
    return newFolio(this.memory, size, this.rules.reuseBase === 'exclusive')
  }

  nextContent(): number {
    return ++this.memory.lastContent
  }

  map(entry: Entry, folio: Folio, by: string): void {
    entry.folio = folio.id
    entry.by = by
    if (entry.huge) folio.wholeMaps++
    else folio.pages[entry.page].maps++
  }

  unmap(entry: Entry): Folio {
    const folio = folioOf(this.memory, entry)
    if (entry.huge) folio.wholeMaps--
    else folio.pages[entry.page].maps--
    return folio
  }

  /** Frees the folio where nobody is left; a swap entry that nobody needs is dropped first. */
  settle(folio: Folio): void {
    const { swap, folios } = this.memory
    const slot = swap[folio.swap]
    if (slot?.users === 0 && totalMaps(folio) === 0) this.dropFromSwapCache(folio)
    if (refcount(folio) > 0) return
    folios[folio.id] = undefined
    if (folio.weights.length > 1 || folio.weights[0] === 1) {
      this.tell(Kind.FrameFree, undefined, { oldPfn: folio.pfn, order: folio.order })
    }
  }

  dropFromSwapCache(folio: Folio): void {
    const slot = this.memory.swap[folio.swap]
    if (!slot) return
    if (slot.users === 0) this.memory.swap[folio.swap] = undefined
    folio.swap = 0
  }

  newSwapEntry(): number {
    const { swap } = this.memory
    const entry = lowestFree(swap)
    swap[entry] = { content: 0, users: 0 }
    return entry
  }

  /** The entry does not need its swap entry any more. */
  leaveSwap(entry: Entry): void {
    const { swap, folios } = this.memory
    const slot = swap[entry.swap]
    const at = entry.swap
    entry.swap = 0
    entry.swapExclusive = false
    if (!slot || --slot.users > 0) return
    const cached = folios.find((folio) => folio?.swap === at)
    if (!cached) swap[at] = undefined
    else this.settle(cached)
  }

  /** The columns of `old`: what was mapped, with its counts as they are now. */
  facts(mm: Mm, entry: Entry, vpn: number): Told {
    const folio = folioOf(this.memory, entry)
    const page = pageAt(entry, vpn)
    return {
      vpn,
      pages: 1,
      oldPfn: folio.pfn + page,
      ...frameFacts(folio, page),
      flags: this.flags(mm, entry, folio),
    }
  }

  flags(mm: Mm, entry: Entry, folio: Folio): number {
    return (
      areaFlags(areaAt(mm, entry.vpn)) |
      folioFlags(folio) |
      (isExclusive(folio, entry) ? Flag.Exclusive : 0) |
      (entry.uffdWp ? Flag.UffdWp : 0) |
      (entry.huge && folio.kind !== 'hugetlb' ? Flag.PmdMapped : 0)
    )
  }
}

const KERNEL_TGID = 2

export function tgidOf(mm: number): number {
  return 1000 + mm
}

export function frameFacts(folio: Folio, page: number): Told {
  return {
    order: folio.order,
    refcount: refcount(folio),
    mapcount: mapcount(folio, page),
    pincount: pincount(folio),
  }
}

export function folioFlags(folio: Folio): number {
  return (
    (folio.kind === 'file' ? Flag.File : Flag.Anon) |
    (folio.kind === 'ksm' ? Flag.Ksm : 0) |
    (folio.kind === 'hugetlb' ? Flag.Hugetlb : 0) |
    (folio.swap !== 0 ? Flag.Swapcache : 0) |
    (folio.order > 0 ? Flag.Large : 0) |
    // Hugetlb pages are on no list.
    (folio.offLru || folio.kind === 'hugetlb' ? 0 : Flag.Lru)
  )
}

export function areaFlags(area: Area | undefined): number {
  return (
    Flag.VmaMaywrite |
    (area === undefined || area.anon ? Flag.VmaAnon : 0) |
    (area?.uffd ? Flag.VmaUffdWp : 0) |
    (area?.size === 'hugetlb' ? Flag.VmaHugetlb : 0)
  )
}
