import { Flag, Kind, Outcome } from '../../model/kinds.js'
import type { EventRow } from './events.js'

/** Test support: a kernel of a few pages that knows what it did, and tells it as events. */

const PRIVATE = Flag.Anon | Flag.VmaAnon | Flag.VmaMaywrite
export const FIRST_VPN = 0x7f000

export interface Operation {
  readonly what: 'touch' | 'write' | 'fork' | 'unmap' | 'exit'
  readonly who: number
  readonly page: number
}

interface Task {
  readonly mm: number
  readonly frames: Map<number, number>
}

export class TinyKernel {
  readonly events: Partial<EventRow>[] = []
  /** What each address space maps now: vpn to pfn. */
  readonly tasks: Task[] = [{ mm: 1, frames: new Map() }]
  readonly #mappings = new Map<number, number>()
  readonly #free: number[] = []
  readonly #pages: number
  #lastMm = 1
  #lastPfn = 100

  constructor(pages: number) {
    this.#pages = pages
  }

  do({ what, who, page }: Operation): void {
    const task = this.tasks[who % this.tasks.length]
    const vpn = FIRST_VPN + (page % this.#pages)
    switch (what) {
      case 'touch':
        if (!task.frames.has(vpn)) this.#tell(task, Kind.AnonNew, { vpn, newPfn: this.#map(task, vpn) })
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
        if (this.tasks.length === 1) return
        this.tasks.splice(this.tasks.indexOf(task), 1)
        this.#tell(task, Kind.MmExit, {})
        this.#unmap(task, [...task.frames.keys()])
    }
  }

  #write(task: Task, vpn: number): void {
    const oldPfn = task.frames.get(vpn)
    if (oldPfn === undefined) return
    const fault = { vpn, oldPfn, pages: 1, flags: PRIVATE | Flag.Write }
    if (this.#mappings.get(oldPfn) === 1) {
      this.#tell(task, Kind.WpFault, { ...fault, newPfn: oldPfn, outcome: Outcome.Reuse })
      return
    }
    this.#drop(oldPfn)
    const newPfn = this.#map(task, vpn)
    this.#tell(task, Kind.WpFault, { ...fault, newPfn, outcome: Outcome.Copy })
  }

  #fork(parent: Task): void {
    if (this.tasks.length === 5) return
    const child = { mm: ++this.#lastMm, frames: new Map(parent.frames) }
    for (const pfn of child.frames.values()) this.#mappings.set(pfn, (this.#mappings.get(pfn) ?? 0) + 1)
    this.tasks.push(child)
    const otherMm = child.mm
    this.#tell(parent, Kind.ForkVma, { otherMm, vpn: FIRST_VPN, pages: this.#pages, flags: PRIVATE })
    this.#tell(parent, Kind.Fork, { otherMm, otherTgid: 1000 + otherMm })
  }

  #unmap(task: Task, vpns: readonly number[]): void {
    for (const vpn of vpns) {
      const pfn = task.frames.get(vpn)
      if (pfn === undefined) continue
      task.frames.delete(vpn)
      if (this.#drop(pfn) > 0) continue
      this.#free.push(pfn)
      this.events.push({ kind: Kind.FrameFree, oldPfn: pfn })
    }
  }

  #map(task: Task, vpn: number): number {
    const pfn = this.#free.pop() ?? ++this.#lastPfn
    task.frames.set(vpn, pfn)
    this.#mappings.set(pfn, 1)
    return pfn
  }

  #drop(pfn: number): number {
    const left = (this.#mappings.get(pfn) ?? 0) - 1
    this.#mappings.set(pfn, left)
    return left
  }

  #tell(task: Task, kind: number, event: Partial<EventRow>): void {
    this.events.push({ kind, tgid: 1000 + task.mm, mm: task.mm, flags: PRIVATE, ...event })
  }
}
