/** The memory of the tiny kernel: address spaces, page tables, folios, references, contents. Data, and how it is counted. */

const WHOLE: readonly number[] = [1]

/** include/linux/mm.h: what a FOLL_PIN adds to the reference count of a small folio. */
const GUP_PIN_COUNTING_BIAS = 1024

/** `file`: a page of a private mapping of a file; `file-thp`: a huge one, mapped read-only (READ_ONLY_THP_FOR_FS). */
export const SLOT_SIZES = ['base', 'thp', 'hugetlb', 'file', 'file-thp'] as const
export type SlotSize = (typeof SLOT_SIZES)[number]

export interface Page {
  /** Mappings by PTE. */
  maps: number
  /** PageAnonExclusive; of a folio mapped as a whole, its first page's counts. */
  exclusive: boolean
  /** GUP took it at some time of its life: the agent counts the mappings of its folio from then on. */
  taken: boolean
  /** What stands in it: a number that every write changes. */
  content: number
}

export interface Folio {
  readonly id: number
  readonly pfn: number
  readonly order: number
  /** A file's folio is held by the page cache. */
  kind: 'anon' | 'ksm' | 'hugetlb' | 'file'
  /** Base pages that each of `pages` stands for. */
  readonly weights: readonly number[]
  readonly pages: Page[]
  /** Mappings of the whole: by PMD, or as hugetlb page. */
  wholeMaps: number
  /** References: of FOLL_PIN, of FOLL_GET, and passing ones that nobody can name. */
  pins: number
  gets: number
  passing: number
  /** It waits in a CPU's LRU batch, or is isolated from its list: one reference, and not on the LRU. */
  offLru: boolean
  /** The swap entry that it is cached for; 0: none. */
  swap: number
}

export interface Entry {
  /** Of its first page. */
  vpn: number
  /** Maps a folio as a whole. */
  huge: boolean
  /** 0: a swap entry. */
  folio: number
  page: number
  writable: boolean
  uffdWp: boolean
  swap: number
  /** The swap entry remembers that the page was exclusive. */
  swapExclusive: boolean
  /** What made it map what it maps: tells apart for the search what memory alone does not. */
  by: string
}

export interface Area {
  readonly size: SlotSize
  vpn: number
  readonly pages: number
  mapped: boolean
  writable: boolean
  uffd: boolean
  /** The folio of the page cache that is mapped; 0: anonymous memory. */
  readonly file: number
  /** It has anonymous pages (an anon_vma): fork copies its page tables. */
  anon: boolean
}

export interface Mm {
  /** As the agent numbers it. */
  readonly id: number
  /** Base pages of a huge entry. */
  readonly hugePages: number
  areas: Area[]
  entries: Entry[]
}

export interface Pin {
  /** By order of taking, from 1. */
  readonly order: number
  /** Number of the address space that it was taken through. */
  readonly mm: number
  readonly vpn: number
  readonly folio: number
  readonly page: number
  readonly kind: 'pin' | 'get'
  readonly write: boolean
  readonly longterm: boolean
  /** The owner and the device see two memories now. */
  diverged: boolean
  /** Another address space may write what the device sees. */
  leaked: boolean
  /** Its slot holds a swap entry. */
  swapped: boolean
}

export interface SwapSlot {
  content: number
  /** Page-table entries that hold it. */
  users: number
}

export interface Memory {
  /** Order of a huge page, at least 1, and how many base pages that are. */
  readonly hugeOrder: number
  readonly hugePages: number
  mms: Mm[]
  /** By id; 0 is none. */
  folios: (Folio | undefined)[]
  pins: Pin[]
  /** By swap entry; 0 is none. */
  swap: (SwapSlot | undefined)[]
  lastMm: number
  lastPin: number
  lastContent: number
}

export function emptyMemory(hugeOrder: number): Memory {
  return {
    hugeOrder,
    hugePages: 2 ** hugeOrder,
    mms: [],
    folios: [undefined],
    pins: [],
    swap: [undefined],
    lastMm: 0,
    lastPin: 0,
    lastContent: 0,
  }
}

/**
 * Base pages that each page of a THP stands for: two that operations reach, and, where a THP is larger than that, a third
 * for all the others: nobody looks at those, but their mappings count. (A hugetlb page is one page here: nothing maps it in parts.)
 */
export function thpWeights({ hugePages }: Memory): readonly number[] {
  return hugePages === 2 ? [1, 1] : [1, 1, hugePages - 2]
}

/**
 * Copies are written out by name: a search makes one for each of millions of operations, and objects that all have their properties in
 * one order are copied and read several times as fast as such that came about in different ways.
 */
export function cloned(memory: Memory): Memory {
  const { hugeOrder, hugePages, mms, folios, pins, swap, lastMm, lastPin, lastContent } = memory
  return {
    hugeOrder,
    hugePages,
    mms: mms.map(copyOfMm),
    folios: folios.map(copyOfFolio),
    pins: pins.map(copyOfPin),
    swap: swap.map((slot) => slot && { content: slot.content, users: slot.users }),
    lastMm,
    lastPin,
    lastContent,
  }
}

function copyOfMm({ id, hugePages, areas, entries }: Mm): Mm {
  return { id, hugePages, areas: areas.map(copyOfArea), entries: entries.map(copyOfEntry) }
}

function copyOfArea({ size, vpn, pages, mapped, writable, uffd, file, anon }: Area): Area {
  return { size, vpn, pages, mapped, writable, uffd, file, anon }
}

function copyOfEntry(entry: Entry): Entry {
  const { vpn, huge, folio, page, writable, uffdWp, swap, swapExclusive, by } = entry
  return { vpn, huge, folio, page, writable, uffdWp, swap, swapExclusive, by }
}

function copyOfFolio(folio: Folio | undefined): Folio | undefined {
  if (!folio) return undefined
  const { id, pfn, order, kind, weights, pages, wholeMaps, pins, gets, passing, offLru, swap } = folio
  const copies = pages.map(copyOfPage)
  return { id, pfn, order, kind, weights, pages: copies, wholeMaps, pins, gets, passing, offLru, swap }
}

function copyOfPage({ maps, exclusive, taken, content }: Page): Page {
  return { maps, exclusive, taken, content }
}

function copyOfPin(pin: Pin): Pin {
  const { order, mm, vpn, folio, page, kind, write, longterm, diverged, leaked, swapped } = pin
  return { order, mm, vpn, folio, page, kind, write, longterm, diverged, leaked, swapped }
}

/** A folio of its own frames: the lowest numbers that are free, so that frames are used again as a kernel does. */
export function newFolio(memory: Memory, size: SlotSize, exclusive: boolean): Folio {
  const id = lowestFree(memory.folios)
  const weights = isThp(size) ? thpWeights(memory) : WHOLE
  const folio: Folio = {
    id,
    pfn: lowestFreeBlock(memory) * memory.hugePages,
    order: size === 'base' || size === 'file' ? 0 : memory.hugeOrder,
    kind: KINDS[size],
    weights,
    pages: weights.map(() => ({ maps: 0, exclusive, taken: false, content: 0 })),
    wholeMaps: 0,
    pins: 0,
    gets: 0,
    passing: 0,
    offLru: false,
    swap: 0,
  }
  memory.folios[id] = folio
  return folio
}

const KINDS = { base: 'anon', thp: 'anon', hugetlb: 'hugetlb', file: 'file', 'file-thp': 'file' } as const

/** Mapped by a PMD, and in parts by PTEs. */
export function isThp(size: SlotSize): boolean {
  return size === 'thp' || size === 'file-thp'
}

function lowestFreeBlock(memory: Memory): number {
  const taken = new Set(memory.folios.map((folio) => folio && Math.floor(folio.pfn / memory.hugePages)))
  let block = 1
  while (taken.has(block)) block++
  return block
}

export function lowestFree(table: readonly unknown[]): number {
  const free = table.indexOf(undefined, 1)
  return free < 0 ? table.length : free
}

export function folioOf(memory: Memory, { folio }: { readonly folio: number }): Folio {
  const found = memory.folios[folio]
  if (!found) throw new Error(`folio ${folio} is used after it was freed`)
  return found
}

/** Mappings of all of its pages. */
export function totalMaps(folio: Folio): number {
  return folio.pages.reduce((sum, page, i) => sum + page.maps * folio.weights[i], folio.wholeMaps)
}

/** What page_count() says. */
export function refcount(folio: Folio): number {
  const pins = folio.order === 0 ? folio.pins * GUP_PIN_COUNTING_BIAS : folio.pins
  return totalMaps(folio) + pins + folio.gets + folio.passing + Number(folio.offLru) + cached(folio)
}

/** References of the swap cache or the page cache; of a large folio of a file the cache has one a page. */
function cached({ swap, kind, order }: Folio): number {
  return Number(swap !== 0) + (kind === 'file' ? 2 ** order : 0)
}

/** What page_mapcount() says of one page. */
export function mapcount(folio: Folio, page: number): number {
  return folio.pages[page].maps + folio.wholeMaps
}

/** What folio_maybe_dma_pinned() goes by; of small folios an upper bound. */
export function pincount(folio: Folio): number {
  return folio.order === 0 ? Math.floor(refcount(folio) / GUP_PIN_COUNTING_BIAS) : folio.pins
}

/** Somebody beyond mappings and caches holds it. */
export function isHeld(folio: Folio): boolean {
  return refcount(folio) > totalMaps(folio) + cached(folio)
}

export function isExclusive(
  folio: Folio,
  { huge, page }: { readonly huge: boolean; readonly page: number },
): boolean {
  return folio.pages[huge ? 0 : page].exclusive
}

/** The entry that maps the page, or its swap entry. */
export function entryAt(mm: Mm, vpn: number): Entry | undefined {
  return mm.entries.find(
    (entry) => entry.vpn === vpn || (entry.huge && entry.vpn <= vpn && vpn < entry.vpn + mm.hugePages),
  )
}

export function areaAt(mm: Mm, vpn: number): Area | undefined {
  return mm.areas.find((area) => area.mapped && area.vpn <= vpn && vpn < area.vpn + area.pages)
}

/** The page of the folio that `vpn` is mapped to. */
export function pageAt(entry: Entry, vpn: number): number {
  return entry.huge ? Math.min(vpn - entry.vpn, 2) : entry.page
}
