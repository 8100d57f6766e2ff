import type { FactSink } from '../model/facts.js'
import type { When } from './clock.js'

/** Of all address spaces, some 100 bytes each. What happens in those beyond is counted in none. */
const MOST_VMAS = 1 << 18
/** Address spaces of which the vma that was asked for last is at hand. */
const RECENT = 256

/** What is told of a vma. */
export interface VmaTold {
  /** First page, and the one behind the last. */
  readonly vpn: number
  readonly end: number
  /** Bits of Flag that are about the vma. */
  readonly flags: number
  /** Bits of `Mapping`, 0: its rights were not told. */
  readonly mapping: number
}

interface Vma extends VmaTold {
  /** The recording's number; 0: nobody asked for it yet. */
  number: number
  readonly fromNs: number
  readonly fromSeq: number
}

/** Vmas of one address space, in order of address, none over another. */
export class VmaList {
  readonly vmas: Vma[] = []

  /** The place of the first vma that ends behind the page. */
  firstBehind(vpn: number): number {
    let low = 0
    let high = this.vmas.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.vmas[middle].end > vpn) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Whose vmas they are. */
interface Owner {
  readonly id: number
  readonly vmas: VmaList
}

/**
 * Vmas as fork told them last: copy_page_range() sees each that a child gets. What was mapped in between is not known, nor what went:
 * an unmapped range and one that MADV_DONTNEED emptied are told alike.
 */
export class Vmas {
  readonly #sink: FactSink
  readonly #most: number
  #lastNumber = 0
  #known = 0
  /** By low bits of its number: that, where its vma begins and ends, the vma's number. A process faults again and again in one. */
  readonly #recentMms = new Uint32Array(RECENT)
  readonly #recentRanges = new Float64Array(RECENT * 2)
  readonly #recentNumbers = new Uint32Array(RECENT)

  constructor(sink: FactSink, most = MOST_VMAS) {
    this.#sink = sink
    this.#most = most
  }

  /** Fork copied this vma of the parent, and the child has it. */
  forked(parent: Owner, child: Owner, told: VmaTold, when: When): void {
    const vma = this.#learn(parent, told, when)
    if (vma !== undefined) this.#numberOf(parent, vma)
    // Few children live long enough for anything to be counted in most of their vmas.
    this.#learn(child, told, when)
  }

  /** The recording's number of the vma in which the page lies; 0: not known. */
  at(mm: Owner, vpn: number): number {
    const ranges = this.#recentRanges
    const at = mm.id & (RECENT - 1)
    if (this.#recentMms[at] === mm.id && ranges[at * 2] <= vpn && ranges[at * 2 + 1] > vpn)
      return this.#recentNumbers[at]
    const vma = mm.vmas.vmas.at(mm.vmas.firstBehind(vpn))
    if (vma === undefined || vma.vpn > vpn) return 0
    const number = this.#numberOf(mm, vma)
    this.#recentMms[at] = mm.id
    ranges[at * 2] = vma.vpn
    ranges[at * 2 + 1] = vma.end
    this.#recentNumbers[at] = number
    return number
  }

  /** That address space is gone. */
  forget(mm: Owner): void {
    this.#known -= mm.vmas.vmas.length
    mm.vmas.vmas.length = 0
    this.#unremember(mm)
  }

  /** All address spaces are gone. */
  clear(): void {
    this.#known = 0
  }

  /** undefined: there is no room for another. */
  #learn(mm: Owner, told: VmaTold, when: When): Vma | undefined {
    const { vmas } = mm
    const from = vmas.firstBehind(told.vpn)
    const old = vmas.vmas.at(from)
    if (old !== undefined && isSame(old, told)) return old
    let until = from
    for (; until < vmas.vmas.length && vmas.vmas[until].vpn < told.end; until++)
      this.#ended(vmas.vmas[until], when)
    this.#unremember(mm)
    this.#known -= until - from
    if (this.#known >= this.#most) {
      vmas.vmas.splice(from, until - from)
      return undefined
    }
    const vma = { ...told, number: 0, fromNs: when.timeNs, fromSeq: when.seq }
    vmas.vmas.splice(from, until - from, vma)
    this.#known++
    return vma
  }

  #unremember({ id }: Owner): void {
    const at = id & (RECENT - 1)
    if (this.#recentMms[at] === id) this.#recentMms[at] = 0
  }

  #ended({ number }: Vma, { timeNs, seq }: When): void {
    if (number !== 0) this.#sink.vmaEnded(number, timeNs, seq)
  }

  #numberOf(mm: Owner, vma: Vma): number {
    if (vma.number !== 0) return vma.number
    vma.number = ++this.#lastNumber
    const { number, vpn, end, flags, mapping, fromNs, fromSeq } = vma
    this.#sink.vma({ vma: number, mm: mm.id, vpn, pages: end - vpn, flags, mapping, fromNs, fromSeq })
    return number
  }
}

function isSame(a: VmaTold, b: VmaTold): boolean {
  return a.vpn === b.vpn && a.end === b.end && a.flags === b.flags && a.mapping === b.mapping
}
