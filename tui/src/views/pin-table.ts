import { Foll } from '../model/kinds.js'
import type { PinRow } from './live-pins.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import type { ViewOptions } from './view-options.js'
import { count, duration, pageAddress } from './units.js'

/** `nowNs` is what ages are reckoned to: ns since the host's boot. */
export function pinColumns({ charset }: ViewOptions, nowNs: number): readonly Column<PinRow>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    {
      ...right,
      id: 'age',
      title: 'held',
      width: 9,
      value: (row) => (nowNs - row.fromNs) / 1e9,
      text: (row) => duration(Math.max(0, nowNs - row.fromNs)),
    },
    { ...left, id: 'how', title: 'reference', width: 18, text: (row) => follWords(row.foll) },
    {
      ...right,
      id: 'pages',
      title: 'pages',
      width: 7,
      value: (row) => row.pages,
      text: (row) => count(row.pages),
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
      ...left,
      id: 'taker',
      title: 'taken by',
      width: 14,
      grow: 3,
      most: 40,
      text: (row) => (row.taker === '' ? '?' : printable(row.taker, charset)),
    },
    {
      ...left,
      id: 'address',
      title: 'address',
      width: 14,
      dropOrder: 1,
      value: (row) => row.vpn * 4096,
      text: (row) => pageAddress(row.vpn),
    },
    {
      ...right,
      id: 'pfn',
      title: 'pfn',
      width: 10,
      dropOrder: 2,
      value: (row) => row.pfn,
      text: (row) => row.pfn.toString(),
    },
  ]
}

/** `pin write longterm`, `get read`. */
export function follWords(foll: number): string {
  return [
    (foll & Foll.Pin) === 0 ? 'get' : 'pin',
    (foll & Foll.Write) === 0 ? 'read' : 'write',
    ...((foll & Foll.Longterm) === 0 ? [] : ['longterm']),
  ].join(' ')
}
