import type { EventColumns } from '../model/events.js'
import { Kind } from '../model/kinds.js'
import { copiedPages } from './live-counts.js'

/** Windows that are open, and that ended last, which are kept. */
const WINDOWS = 1000

/** From the beginning of a child's address space until its end (exit or exec), and what parent and child copied meanwhile: what the fork cost. */
export interface ForkRow {
  /** The parent. */
  readonly tgid: number
  readonly comm: string
  /** 0: it is not told yet. */
  readonly childTgid: number
  readonly atNs: number
  /** null: the child lives. */
  readonly untilNs: number | null
  readonly parentCopies: number
  readonly childCopies: number
  /** Of the child's: made by fork itself, because the page may have been pinned. */
  readonly early: number
  readonly bytes: number
  /** How many of the forks above it in the list its parent came of, one of the other. */
  readonly depth: number
}

/** Copies of one address space since its first open window began. */
interface Copied {
  copies: number
  pages: number
  /** Windows that count by it. */
  windows: number
}

interface Window {
  readonly parentMm: number
  readonly childMm: number
  readonly tgid: number
  childTgid: number
  /** When the fork was done; what it does itself comes before. */
  atNs: number
  untilNs: number | null
  readonly parent: Copied
  readonly child: Copied
  readonly parentBefore: Readonly<Copied>
  early: number
  /** Of a window that has ended: what it came to. */
  readonly told: { parentCopies: number; childCopies: number; pages: number }
}

/** The windows of db/queries/forks.sql, while they happen. Bounded: of more windows than are kept the oldest are forgotten. */
export class ForkBook {
  readonly #copied = new Map<number, Copied>()
  /** By the child's address space. */
  readonly #open = new Map<number, Window>()
  readonly #ended = new Set<Window>()
  #forgotten = 0

  /** Windows that are not kept any more. */
  get forgotten(): number {
    return this.#forgotten
  }

  count(events: EventColumns, i: number): void {
    switch (events.kind[i]) {
      case Kind.Fork: {
        const window = this.#window(events, i)
        if (window === undefined) return
        window.childTgid = events.otherTgid[i]
        window.atNs = events.timeNs[i]
        return
      }
      case Kind.ForkVma:
        this.#window(events, i)
        return
      case Kind.ForkCopy: {
        const window = this.#window(events, i)
        if (window === undefined) return
        window.early++
        add(window.child, events, i)
        return
      }
      case Kind.MmExit:
        this.#end(events.mm[i], events.timeNs[i])
        return
    }
    const copied = this.#copied.get(events.mm[i])
    if (copied !== undefined) add(copied, events, i)
  }

  clear(): void {
    this.#copied.clear()
    this.#open.clear()
    this.#ended.clear()
    this.#forgotten = 0
  }

  /** As a tree: below each window those of its child; beside each other the dearest first. */
  rows(commOf: (tgid: number) => string, pageSize: number): readonly ForkRow[] {
    const below = new Map<number, Window[]>()
    const all = [...this.#open.values(), ...this.#ended]
    const children = new Set(all.map(({ childMm }) => childMm))
    for (const window of all) {
      const above = children.has(window.parentMm) ? window.parentMm : 0
      const siblings = below.get(above)
      if (siblings === undefined) below.set(above, [window])
      else siblings.push(window)
    }
    const rows: ForkRow[] = []
    const next: { readonly mm: number; readonly row: ForkRow }[] = []
    const push = (mm: number, depth: number) => {
      const windows = below.get(mm) ?? []
      // Once, whatever a broken stream says of what came of what.
      below.delete(mm)
      next.push(
        ...windows
          .map((window) => ({ mm: window.childMm, row: rowOf(window, commOf, pageSize, depth) }))
          .sort((a, b) => a.row.bytes - b.row.bytes || b.row.atNs - a.row.atNs),
      )
    }
    push(0, 0)
    for (let top = next.pop(); top !== undefined; top = next.pop()) {
      rows.push(top.row)
      push(top.mm, top.row.depth + 1)
    }
    return rows
  }

  /** The one of the event's child; undefined: it has no address space of its own. */
  #window(events: EventColumns, i: number): Window | undefined {
    const parentMm = events.mm[i]
    const childMm = events.otherMm[i]
    if (childMm === 0 || childMm === parentMm) return undefined
    const known = this.#open.get(childMm)
    if (known !== undefined) return known
    if (this.#open.size >= WINDOWS) {
      const [oldest] = this.#open.values()
      this.#close(oldest)
      this.#forgotten++
    }
    const parent = this.#begin(parentMm)
    const window: Window = {
      parentMm,
      childMm,
      tgid: events.tgid[i],
      childTgid: 0,
      atNs: events.timeNs[i],
      untilNs: null,
      parent,
      child: this.#begin(childMm),
      parentBefore: { ...parent },
      early: 0,
      told: { parentCopies: 0, childCopies: 0, pages: 0 },
    }
    this.#open.set(childMm, window)
    return window
  }

  #begin(mm: number): Copied {
    let copied = this.#copied.get(mm)
    if (copied === undefined) this.#copied.set(mm, (copied = { copies: 0, pages: 0, windows: 0 }))
    copied.windows++
    return copied
  }

  #end(mm: number, timeNs: number): void {
    const window = this.#open.get(mm)
    if (window === undefined) return
    window.untilNs = timeNs
    Object.assign(window.told, sumOf(window))
    this.#close(window)
    this.#ended.add(window)
    if (this.#ended.size <= WINDOWS) return
    const [oldest] = this.#ended
    this.#ended.delete(oldest)
    this.#forgotten++
  }

  #close({ parentMm, childMm, parent, child }: Window): void {
    this.#open.delete(childMm)
    if (--parent.windows === 0) this.#copied.delete(parentMm)
    if (--child.windows === 0) this.#copied.delete(childMm)
  }
}

function add(copied: Copied, events: EventColumns, i: number): void {
  const pages = copiedPages(events, i)
  if (pages === 0) return
  copied.copies++
  copied.pages += pages
}

function sumOf({ parent, parentBefore, child }: Window): Window['told'] {
  return {
    parentCopies: parent.copies - parentBefore.copies,
    childCopies: child.copies,
    pages: parent.pages - parentBefore.pages + child.pages,
  }
}

function rowOf(window: Window, commOf: (tgid: number) => string, pageSize: number, depth: number): ForkRow {
  const { tgid, childTgid, atNs, untilNs, early } = window
  const { parentCopies, childCopies, pages } = untilNs === null ? sumOf(window) : window.told
  const counts = { parentCopies, childCopies, early, bytes: pages * pageSize }
  return { tgid, comm: commOf(tgid), childTgid, atNs, untilNs, ...counts, depth }
}
