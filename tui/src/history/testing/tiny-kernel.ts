import { Flag, Foll, Kind, Outcome } from '../../model/kinds.js'
import type { EventRow } from './events.js'
import { TinyMemory } from './tiny-memory.js'

/** Test support: a kernel of a few pages that knows what it did, and tells it as events. */

const PRIVATE = Flag.Anon | Flag.VmaAnon | Flag.VmaMaywrite
/** Aligned to what the kernel collapses. */
export const FIRST_VPN = 0x7f000
/** Pages of each address space: those of a folio. */
export const PAGES = 8
const FOLIO_ORDER = 3

export const OPERATIONS = [
  'touch',
  'write',
  'fork',
  'unmap',
  'exit',
  'pin',
  'unpin',
  'swap-out',
  'swap-in',
  'ksm',
  'migrate',
  'remap',
  'collapse',
] as const

export interface Operation {
  readonly what: (typeof OPERATIONS)[number]
  readonly who: number
  readonly page: number
}

interface Task {
  readonly mm: number
  /** What each page maps: vpn to pfn. */
  readonly frames: Map<number, number>
  /** Which swap entry is where a page was. */
  readonly swapped: Map<number, number>
}

export class TinyKernel {
  readonly events: Partial<EventRow>[] = []
  readonly tasks: Task[] = [{ mm: 1, frames: new Map(), swapped: new Map() }]
  readonly memory = new TinyMemory(({ head, order }) => {
    this.events.push({ kind: Kind.FrameFree, oldPfn: head, order })
  })
  /** References that were taken and not given back, a frame each. */
  readonly pinned: number[] = []
  #lastMm = 1
  #lastEntry = 0

  do({ what, who, page }: Operation): void {
    const task = this.tasks[who % this.tasks.length]
    const vpn = FIRST_VPN + (page % PAGES)
    switch (what) {
      case 'touch':
        this.#touch(task, vpn)
        return
      case 'write':
        this.#write(task, vpn)
        return
      case 'fork':
        this.#fork(task)
        return
      case 'unmap':
        this.#tell(task, Kind.Unmap, { vpn, pages: 2 })
        this.#unmap(task, [vpn, vpn + 1])
        return
      case 'exit':
        this.#exit(task)
        return
      case 'pin':
        this.#pin(task, vpn)
        return
      case 'unpin':
        this.#unpin(page)
        return
      case 'swap-out':
        this.#swapOut(task, vpn)
        return
      case 'swap-in':
        this.#swapIn(task, vpn)
        return
      case 'ksm':
        this.#merge(task, vpn)
        return
      case 'migrate':
        this.#migrate(task, vpn)
        return
      case 'remap':
        this.#remap(task, vpn)
        return
      case 'collapse':
        this.#collapse(task)
    }
  }

  #touch(task: Task, vpn: number): void {
    if (task.frames.has(vpn) || task.swapped.has(vpn)) return
    this.#tell(task, Kind.AnonNew, { vpn, newPfn: this.#map(task, vpn, this.memory.page()) })
  }

  #write(task: Task, vpn: number): void {
    const oldPfn = task.frames.get(vpn)
    if (oldPfn === undefined) return
    const { order, isKsm } = this.memory.of(oldPfn)
    const flags = PRIVATE | Flag.Write | (isKsm ? Flag.Ksm : 0)
    const fault = { vpn, oldPfn, order, pages: 1, flags }
    if (this.memory.mappings(oldPfn) === 1 && !isKsm) {
      this.#tell(task, Kind.WpFault, { ...fault, newPfn: oldPfn, outcome: Outcome.Reuse })
      return
    }
    const newPfn = this.#map(task, vpn, this.memory.page())
    this.#tell(task, Kind.WpFault, { ...fault, newPfn, outcome: Outcome.Copy })
    this.memory.unmap(oldPfn)
  }

  #fork(parent: Task): void {
    if (this.tasks.length === 5) return
    const child = { mm: ++this.#lastMm, frames: new Map<number, number>(), swapped: new Map(parent.swapped) }
    this.tasks.push(child)
    const otherMm = child.mm
    for (const [vpn, pfn] of parent.frames) {
      const folio = this.memory.of(pfn)
      if (this.memory.isPinned(folio)) {
        const newPfn = this.#map(child, vpn, this.memory.page())
        this.#tell(parent, Kind.ForkCopy, { otherMm, vpn, oldPfn: pfn, newPfn, order: folio.order })
      } else this.#map(child, vpn, pfn)
    }
    this.#tell(parent, Kind.ForkVma, { otherMm, vpn: FIRST_VPN, pages: PAGES, flags: PRIVATE })
    this.#tell(parent, Kind.Fork, { otherMm, otherTgid: 1000 + otherMm })
  }

  #unmap(task: Task, vpns: readonly number[]): void {
    for (const vpn of vpns) {
      task.swapped.delete(vpn)
      const pfn = task.frames.get(vpn)
      if (pfn === undefined) continue
      task.frames.delete(vpn)
      this.memory.unmap(pfn)
    }
  }

  #exit(task: Task): void {
    if (this.tasks.length === 1) return
    this.tasks.splice(this.tasks.indexOf(task), 1)
    this.#tell(task, Kind.MmExit, {})
    this.#unmap(task, [...task.frames.keys()])
  }

  /** Up to three pages, as far as they lie one behind the other in memory. */
  #pin(task: Task, vpn: number): void {
    const oldPfn = task.frames.get(vpn)
    if (oldPfn === undefined) return
    let pages = 1
    while (pages < 3 && task.frames.get(vpn + pages) === oldPfn + pages) pages++
    for (let page = 0; page < pages; page++) {
      this.memory.pin(oldPfn + page)
      this.pinned.push(oldPfn + page)
    }
    const { order } = this.memory.of(oldPfn)
    this.#tell(task, Kind.Gup, { vpn, oldPfn, pages, order, aux: Foll.Pin | Foll.Write })
  }

  /** One reference on one frame, whoever took it. */
  #unpin(which: number): void {
    const [pfn] = this.pinned.splice(which % Math.max(1, this.pinned.length), 1) as (number | undefined)[] // may be none
    if (pfn === undefined) return
    this.events.push({ kind: Kind.Unpin, tgid: 999, oldPfn: pfn, pages: 1, order: this.memory.of(pfn).order })
    this.memory.unpin(pfn)
  }

  #swapOut(task: Task, vpn: number): void {
    const oldPfn = task.frames.get(vpn)
    if (oldPfn === undefined) return
    const folio = this.memory.of(oldPfn)
    if (folio.order > 0 || folio.isKsm || this.memory.isPinned(folio)) return
    const aux = ++this.#lastEntry
    for (const owner of this.tasks)
      for (const [at, pfn] of [...owner.frames]) {
        if (pfn !== oldPfn) continue
        this.#tell(owner, Kind.SwapOut, { vpn: at, oldPfn, aux })
        owner.frames.delete(at)
        owner.swapped.set(at, aux)
        this.memory.unmap(pfn)
      }
  }

  #swapIn(task: Task, vpn: number): void {
    const aux = task.swapped.get(vpn)
    if (aux === undefined) return
    task.swapped.delete(vpn)
    this.#tell(task, Kind.SwapIn, { vpn, newPfn: this.#map(task, vpn, this.memory.page()), aux })
  }

  /** The page becomes a KSM page, and the next page of the task the same one. */
  #merge(task: Task, vpn: number): void {
    const first = task.frames.get(vpn)
    const second = task.frames.get(vpn + 1)
    if (first === undefined || second === undefined) return
    const folios = [this.memory.of(first), this.memory.of(second)]
    if (first === second || folios.some((folio) => folio.order > 0 || this.memory.isPinned(folio))) return
    folios[0].isKsm = true
    this.#tell(task, Kind.KsmMerge, { vpn, oldPfn: first, newPfn: first })
    this.#map(task, vpn + 1, first)
    this.#tell(task, Kind.KsmMerge, { vpn: vpn + 1, oldPfn: second, newPfn: first })
    this.memory.unmap(second)
  }

  #migrate(task: Task, vpn: number): void {
    const pfn = task.frames.get(vpn)
    if (pfn === undefined) return
    const old = this.memory.of(pfn)
    if (this.memory.isPinned(old)) return
    const newPfn = old.order === 0 ? this.memory.page() : this.memory.folio()
    this.memory.of(newPfn).isKsm = old.isKsm
    this.events.push({ kind: Kind.Migrate, oldPfn: old.head, newPfn, order: old.order })
    for (const owner of this.tasks)
      for (const [at, mapped] of [...owner.frames]) {
        if (mapped < old.head || mapped >= old.head + 2 ** old.order) continue
        this.#map(owner, at, newPfn + (mapped - old.head))
        this.memory.unmap(mapped)
      }
  }

  /** The page moves to the place of the one behind it, if that is empty. */
  #remap(task: Task, vpn: number): void {
    const to = FIRST_VPN + ((vpn - FIRST_VPN + 1) % PAGES)
    const pfn = task.frames.get(vpn)
    if (pfn === undefined || task.frames.has(to) || task.swapped.has(to)) return
    task.frames.delete(vpn)
    task.frames.set(to, pfn)
    this.#tell(task, Kind.Remap, { vpn, pages: 1, aux: to })
  }

  #collapse(task: Task): void {
    const old = [...task.frames.values()]
    const isPossible = old.every(
      (pfn) => this.memory.mappings(pfn) === 1 && !this.memory.isPinned(this.memory.of(pfn)),
    )
    if (old.length < 2 || task.swapped.size > 0 || !isPossible) return
    const newPfn = this.memory.folio()
    for (let page = 0; page < PAGES; page++) this.#map(task, FIRST_VPN + page, newPfn + page)
    this.#tell(task, Kind.Collapse, { vpn: FIRST_VPN, pages: PAGES, newPfn, order: FOLIO_ORDER })
    for (const pfn of old) this.memory.unmap(pfn)
  }

  #map(task: Task, vpn: number, pfn: number): number {
    task.frames.set(vpn, pfn)
    return this.memory.map(pfn)
  }

  #tell(task: Task, kind: number, event: Partial<EventRow>): void {
    this.events.push({ kind, tgid: 1000 + task.mm, mm: task.mm, flags: PRIVATE, ...event })
  }
}
