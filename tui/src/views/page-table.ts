import type { HotPage } from './hot-pages.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import type { ViewOptions } from './view-options.js'
import { count, pageAddress, sinceBoot } from './units.js'

export function pageColumns({ charset }: ViewOptions): readonly Column<HotPage>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    {
      ...left,
      id: 'address',
      title: 'address',
      width: 14,
      value: (row) => row.vpn * 4096,
      text: (row) => pageAddress(row.vpn),
    },
    {
      ...right,
      id: 'pid',
      title: 'pid',
      width: 7,
      value: (row) => row.tgid,
      text: (row) => row.tgid.toString(),
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
      ...right,
      id: 'copies',
      title: 'copies',
      width: 9,
      value: (row) => row.copies,
      text: (row) => count(row.copies),
    },
    {
      ...right,
      id: 'reuses',
      title: 'reuses',
      width: 9,
      value: (row) => row.reuses,
      text: (row) => count(row.reuses),
    },
    {
      ...right,
      id: 'faults',
      title: 'faults',
      width: 9,
      value: (row) => row.faults,
      text: (row) => count(row.faults),
    },
    {
      ...right,
      id: 'pfn',
      title: 'pfn',
      width: 10,
      dropOrder: 1,
      value: (row) => row.pfn,
      text: (row) => row.pfn.toString(),
    },
    {
      ...right,
      id: 'last',
      title: 'last s',
      width: 14,
      dropOrder: 2,
      value: (row) => row.lastNs / 1e9,
      text: (row) => sinceBoot(row.lastNs),
    },
  ]
}
