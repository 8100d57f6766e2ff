import { addressColumn, commColumn, numberColumn, pidColumn } from './columns.js'
import type { FindingRow } from './live-findings.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { sinceBoot } from './units.js'
import { verdictRole } from './verdict-role.js'
import type { ViewOptions } from './view-options.js'

export function findingColumns(options: ViewOptions): readonly Column<FindingRow>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
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
    numberColumn('count', 6, (row) => row.count),
    { ...left, id: 'cause', title: 'cause', width: 9, grow: 1, most: 16, text: (row) => row.cause },
    { ...left, id: 'size', title: 'size', width: 10, dropOrder: 2, text: (row) => row.size },
    {
      ...left,
      id: 'reference',
      title: 'reference',
      width: 14,
      grow: 2,
      most: 40,
      dropOrder: 1,
      text: (row) => referenceText(row, options.charset),
    },
    pidColumn(),
    commColumn(options),
    addressColumn((row) => row.last.vpn, 3),
    numberColumn('last', 14, (row) => row.lastNs / 1e9, {
      title: 'last s',
      dropOrder: 4,
      text: (row) => sinceBoot(row.lastNs),
    }),
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
