import { commColumn, numberColumn, pidColumn } from './columns.js'
import type { ForkRow } from './live-forks.js'
import type { Column } from './table.js'
import { bytes, duration, sinceBoot } from './units.js'
import type { ViewOptions } from './view-options.js'

/** Deeper forks stand no further to the right. */
const DEEPEST = 6

/** `nowNs`: until when a child that lives has lived, ns since the host's boot. */
export function forkColumns(options: ViewOptions, nowNs: number): readonly Column<ForkRow>[] {
  const lived = (row: ForkRow) => Math.max(0, (row.untilNs ?? nowNs) - row.atNs)
  return [
    pidColumn(),
    commColumn(options),
    {
      id: 'child',
      title: 'child',
      align: 'left',
      width: 10,
      grow: 1,
      most: 20,
      dropOrder: 0,
      value: (row) => row.childTgid,
      text: ({ childTgid, depth }) =>
        `${'  '.repeat(Math.min(depth, DEEPEST))}${childTgid === 0 ? '-' : childTgid.toString()}`,
    },
    numberColumn('at', 14, (row) => row.atNs / 1e9, {
      title: 'forked at s',
      dropOrder: 1,
      text: (row) => sinceBoot(row.atNs),
    }),
    numberColumn('lived', 9, (row) => lived(row) / 1e9, {
      text: (row) => (row.untilNs === null ? 'still' : duration(lived(row))),
    }),
    numberColumn('copied', 10, (row) => row.bytes, { text: (row) => bytes(row.bytes) }),
    numberColumn('parent', 10, (row) => row.parentCopies, { title: 'by parent', dropOrder: 2 }),
    numberColumn('children', 9, (row) => row.childCopies, { title: 'by child', dropOrder: 3 }),
    numberColumn('early', 8, (row) => row.early, { title: 'at fork', dropOrder: 4 }),
  ]
}
