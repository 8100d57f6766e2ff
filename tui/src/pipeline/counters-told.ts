import {
  COUNTER_NAMES,
  type CountersChange,
  type CountersSnapshot,
  type ProcessCounts,
} from '../model/counts.js'

/** What the counters of one run of an agent were when they were told last, to tell what is new in them. */
export class CountersTold {
  #told = new Map<string, ProcessCounts>()

  /** What changed since the last call. Processes that did nothing that is counted are not told. */
  change({ timeNs, processes, other }: CountersSnapshot): CountersChange {
    const nobody: ProcessCounts = { tgid: 0, startTimeNs: 0, comm: '', ended: false, counts: other }
    const told = new Map(
      [nobody, ...processes].filter(didSomething).map((each) => [nameOf(each), each] as const),
    )
    const changed = [...told].filter(([name, each]) => isNew(each, this.#told.get(name)))
    const gone = [...this.#told].filter(([name]) => !told.has(name))
    this.#told = told
    return { timeNs, changed: changed.map(([, each]) => each), gone: gone.map(([, each]) => each) }
  }

  /** Another run: its agent counts from zero. */
  clear(): void {
    this.#told.clear()
  }
}

function nameOf({ tgid, startTimeNs }: ProcessCounts): string {
  return `${tgid} ${startTimeNs}`
}

function didSomething({ counts }: ProcessCounts): boolean {
  return COUNTER_NAMES.some((name) => counts[name] > 0)
}

function isNew(now: ProcessCounts, before: ProcessCounts | undefined): boolean {
  return (
    before === undefined ||
    now.ended !== before.ended ||
    now.comm !== before.comm ||
    COUNTER_NAMES.some((name) => now.counts[name] !== before.counts[name])
  )
}
