import { countsFolio, extraReferences } from './counts.js'
import type { OnFrame } from './liveness.js'
import type { Scene } from './scene.js'

/** Tasks that are remembered at once. */
const MOST_TASKS = 1024
/** The fault on the page follows at once; with an allocation between them that may have to wait for memory. */
const LONGEST_NS = 100e6

interface Split {
  readonly mm: number
  readonly vpn: number
  readonly pfn: number
  readonly timeNs: number
  readonly extra: number | undefined
}

/** The counts of a huge page as they were when a task's fault split its mapping. */
export interface BeforeSplit {
  readonly extra: number | undefined
  readonly on: OnFrame
}

/**
 * A write to a huge page that is shared splits its PMD, and the fault on the PTE that follows copies one page
 * (mm/huge_memory.c, do_huge_pmd_wp_page(), VM_FAULT_FALLBACK). Then the folio's count holds a reference for each of its
 * pages that some page table maps, and tells no more; in the step before, under the same fault, it still told.
 */
export class SplitEvidence {
  /** By tid; the last split of each. */
  readonly #splits = new Map<number, Split>()

  /** A fault on a PMD that ended in its split. */
  note(scene: Scene): void {
    const { events, i, mm, vpn, oldPfn, timeNs } = scene
    const tid = events.tid[i]
    if (!this.#splits.delete(tid) && this.#splits.size >= MOST_TASKS) {
      const [oldest] = this.#splits.keys()
      this.#splits.delete(oldest)
    }
    this.#splits.set(tid, { mm, vpn, pfn: oldPfn, timeNs, extra: extraReferences(scene) })
  }

  /** Once: it speaks for the fault that follows the split, and for no later one. */
  of(scene: Scene): BeforeSplit | undefined {
    if (this.#splits.size === 0) return undefined
    const tid = scene.events.tid[scene.i]
    const split = this.#splits.get(tid)
    if (split === undefined) return undefined
    this.#splits.delete(tid)
    const { mm, vpn, oldPfn, timeNs, view, pmdPages } = scene
    // By its own counts; those of the split may lack mappings of single pages elsewhere.
    if (countsFolio(scene)) return undefined
    const page = vpn - split.vpn
    const isSame = split.mm === mm && page >= 0 && page < pmdPages && split.pfn + page === oldPfn
    if (!isSame || scene.size !== 'pte-mapped' || timeNs - split.timeNs > LONGEST_NS) return undefined
    const pins = view.pinsOn(split.pfn, pmdPages)
    return {
      extra: split.extra,
      on: { pins, pfn: split.pfn, pages: pmdPages, size: 'thp', isSample: view.isSample },
    }
  }
}
