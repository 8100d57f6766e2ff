import { Outcome } from '../model/kinds.js'
import { kindName, outcomeName } from './kind-names.js'
import type { Role } from './line.js'
import type { PageEvent } from './live-snapshot.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { pageAddress, sinceBoot } from './units.js'
import { signs, type ViewOptions } from './view-options.js'

/** From this width on times show microseconds and pfns all their digits. */
const ROOMY = 100

export function latestColumns({ width, charset }: ViewOptions): readonly Column<PageEvent>[] {
  const roomy = width >= ROOMY
  const { arrow } = signs(charset)
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    {
      ...right,
      id: 'time',
      title: 'time s',
      width: roomy ? 14 : 9,
      value: (row) => row.timeNs / 1e9,
      text: (row) => (roomy ? sinceBoot(row.timeNs) : (row.timeNs / 1e9).toFixed(3)),
    },
    {
      ...right,
      id: 'pid',
      title: 'pid',
      width: roomy ? 8 : 6,
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
    { ...left, id: 'kind', title: 'fault', width: 7, dropOrder: 1, text: (row) => kindName(row.kind) },
    {
      ...left,
      id: 'outcome',
      title: 'outcome',
      width: 7,
      text: (row) => outcomeName(row.kind, row.outcome),
      role: outcomeRole,
    },
    {
      ...left,
      id: 'address',
      title: 'address',
      width: 14,
      value: (row) => row.vpn * 4096,
      text: (row) => pageAddress(row.vpn),
    },
    {
      ...left,
      id: 'pfn',
      title: `pfn old${arrow}new`,
      width: roomy ? 21 : 17,
      value: (row) => row.newPfn || row.oldPfn,
      text: (row) => frames(row, arrow),
    },
    {
      ...left,
      id: 'counts',
      title: roomy ? 'ref/mapcount' : 'r/map',
      width: roomy ? 12 : 5,
      value: (row) => row.refcount,
      text: (row) => `${known(row.refcount)}/${known(row.mapcount)}`,
    },
  ]
}

function frames({ oldPfn, newPfn }: PageEvent, arrow: string): string {
  const old = oldPfn === 0 ? '-' : oldPfn.toString()
  if (newPfn === oldPfn || newPfn === 0) return old
  return `${old}${arrow}${newPfn}`
}

/** Negative stands for a count that could not be read. */
function known(value: number): string {
  return value < 0 ? '?' : value.toString()
}

function outcomeRole({ outcome }: PageEvent): Role {
  if (outcome === Outcome.Copy || outcome === Outcome.Unshare) return 'accent'
  return outcome === Outcome.Failed ? 'bad' : 'plain'
}
