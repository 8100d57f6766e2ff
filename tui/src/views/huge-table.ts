import type { HugeRow } from './live-huge.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import type { ViewOptions } from './view-options.js'
import { count, sinceBoot } from './units.js'

export function hugeColumns({ charset }: ViewOptions): readonly Column<HugeRow>[] {
  const left = { align: 'left', dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  const number = (
    id: 'pmdSplits' | 'folioSplits' | 'refused' | 'collapses',
    title: string,
    width: number,
  ) => ({
    ...right,
    id,
    title,
    width,
    value: (row: HugeRow) => row[id],
    text: (row: HugeRow) => count(row[id]),
  })
  return [
    {
      ...right,
      id: 'pid',
      title: 'pid',
      width: 7,
      value: (row) => row.tgid,
      text: (row) => (row.tgid === 0 ? 'others' : row.tgid.toString()),
    },
    {
      ...left,
      id: 'comm',
      title: 'comm',
      width: 8,
      grow: 1,
      most: 24,
      text: (row) => (row.comm === '' ? '?' : printable(row.comm, charset)),
    },
    {
      ...left,
      id: 'cause',
      title: 'caused in',
      width: 14,
      grow: 2,
      most: 40,
      text: (row) => (row.cause === '' ? '?' : printable(row.cause, charset)),
    },
    number('pmdSplits', 'PMD splits', 11),
    number('folioSplits', 'folio split', 11),
    number('refused', 'refused', 8),
    number('collapses', 'collapses', 9),
    {
      ...right,
      id: 'last',
      title: 'last s',
      width: 14,
      dropOrder: 1,
      value: (row) => row.lastNs / 1e9,
      text: (row) => sinceBoot(row.lastNs),
    },
  ]
}
