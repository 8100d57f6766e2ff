import type { Column } from '../table.js'
import { bytes, count } from '../units.js'
import { numberColumn, textColumn } from './columns.js'

/** What kernels did with the same operations of processes. */
export interface ReplayTally {
  readonly copies: number
  readonly unshares: number
  readonly forkCopies: number
  readonly reuses: number
  readonly copiedBytes: number
  readonly pinsDiverged: number
  readonly getsDiverged: number
  readonly pinsLeaked: number
  readonly getsLeaked: number
}

/** One measure, side by side. */
export interface ReplayRow {
  readonly what: string
  readonly recorded: string
  readonly replayed: string
  readonly difference: string
}

const MEASURES: readonly (readonly [keyof ReplayTally, string])[] = [
  ['copies', 'copies for a writer'],
  ['unshares', 'copies for a reader'],
  ['forkCopies', 'copies at fork'],
  ['reuses', 'writes in place'],
  ['copiedBytes', 'bytes copied'],
  ['pinsDiverged', 'FOLL_PIN that lost the page'],
  ['getsDiverged', 'FOLL_GET that lost the page'],
  ['pinsLeaked', 'FOLL_PIN shown the write of another'],
  ['getsLeaked', 'FOLL_GET shown the write of another'],
]

export function replayRows(recorded: ReplayTally, replayed: ReplayTally): readonly ReplayRow[] {
  return MEASURES.map(([measure, what]) => {
    const show = measure === 'copiedBytes' ? bytes : count
    const difference = replayed[measure] - recorded[measure]
    const sign = difference > 0 ? '+' : difference < 0 ? '-' : ''
    return {
      what,
      recorded: show(recorded[measure]),
      replayed: show(replayed[measure]),
      difference: `${sign}${show(Math.abs(difference))}`,
    }
  })
}

/** `policy`: its name, as the program has it. */
export function replayColumns(policy: string): readonly Column<ReplayRow>[] {
  return [
    textColumn('what', 'MEASURE', { width: 34 }, (row) => row.what),
    numberColumn('recorded', 'RECORDED', { width: 14 }, (row) => row.recorded),
    numberColumn('replayed', policy.toUpperCase(), { width: 14 }, (row) => row.replayed),
    numberColumn('difference', 'DIFFERENCE', { width: 14, dropOrder: 1 }, (row) => row.difference),
  ]
}
