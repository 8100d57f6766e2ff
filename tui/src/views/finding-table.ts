import type { FindingRow } from './live-findings.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { count, pageAddress, sinceBoot } from './units.js'
import { verdictRole } from './verdict-role.js'
import type { ViewOptions } from './view-options.js'

export function findingColumns({ charset }: ViewOptions): readonly Column<FindingRow>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const right = { align: 'right', grow: 0, dropOrder: 0 } as const
  return [
    { ...left, id: 'rule', title: 'rule', width: 4, text: (row) => row.rule },
    {
      ...left,
      id: 'verdict',
      title: 'verdict',
      width: 14,
      text: (row) => row.verdict,
      role: (row) => verdictRole(row.verdict),
    },
    {
      ...right,
      id: 'count',
      title: 'count',
      width: 7,
      value: (row) => row.count,
      text: (row) => count(row.count),
    },
    { ...left, id: 'cause', title: 'cause', width: 10, grow: 1, most: 16, text: (row) => row.cause },
    { ...left, id: 'size', title: 'size', width: 10, dropOrder: 2, text: (row) => row.size },
    {
      ...left,
      id: 'reference',
      title: 'reference',
      width: 12,
      grow: 2,
      most: 40,
      dropOrder: 1,
      text: (row) => referenceText(row, charset),
    },
    {
      ...right,
      id: 'pid',
      title: 'pid',
      width: 7,
      value: (row) => row.tgid,
      text: (row) => (row.tgid === 0 ? '-' : row.tgid.toString()),
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
      id: 'address',
      title: 'address',
      width: 14,
      dropOrder: 3,
      value: (row) => row.last.vpn * 4096,
      text: (row) => pageAddress(row.last.vpn),
    },
    { ...right, id: 'last', title: 'last s', width: 14, dropOrder: 4, text: (row) => sinceBoot(row.lastNs) },
  ]
}

function referenceText({ last, taker }: FindingRow, charset: ViewOptions['charset']): string {
  const { reference } = last
  if (reference === undefined) return '-'
  const what = [
    reference.kind,
    reference.write ? 'write' : 'read',
    ...(reference.longterm ? ['longterm'] : []),
  ]
  return `${what.join(' ')}${taker === '' ? '' : ` by ${printable(taker, charset)}`}`
}
