import { PAGE_SIZES } from '../model/finding.js'
import { span, type Line } from './line.js'
import type { RuleRow } from './live-findings.js'
import type { Column } from './table.js'
import { count } from './units.js'
import type { ViewOptions } from './view-options.js'
import { wrapped } from './wrapped.js'

export const RULE_COLUMNS: readonly Column<RuleRow>[] = [
  { id: 'rule', title: 'rule', align: 'left', width: 4, grow: 0, dropOrder: 0, text: (row) => row.rule },
  {
    id: 'name',
    title: 'name',
    align: 'left',
    width: 28,
    grow: 1,
    most: 32,
    dropOrder: 0,
    text: (row) => row.text?.name ?? '?',
  },
  number('checked', 0),
  number('held', 1),
  { ...number('broken', 0), role: (row) => (row.broken > 0 ? 'warn' : 'plain') },
  number('unknown', 0),
  {
    id: 'promise',
    title: 'this kernel, 4k pages',
    align: 'left',
    width: 20,
    grow: 4,
    most: 100,
    dropOrder: 2,
    text: (row) => row.text?.promises['4k'] ?? '-',
  },
]

function number(id: 'checked' | 'held' | 'broken' | 'unknown', dropOrder: number): Column<RuleRow> {
  return {
    id,
    title: id,
    align: 'right',
    width: 11,
    grow: 0,
    dropOrder,
    value: (row) => row[id],
    text: (row) => count(row[id]),
  }
}

/** What one rule says, what the traced kernel promises, and how it fared by how pages are mapped. */
export function ruleLines(row: RuleRow, { width }: ViewOptions): readonly Line[] {
  const { text } = row
  const plain = (words: string) => wrapped(words, width).map((line): Line => [span(line)])
  return [
    [span(`${row.rule} ${text?.name ?? ''}`.trim(), 'title')],
    [],
    ...(text === undefined ? [] : [...plain(text.statement), [span(`Source: ${text.source}`, 'dim')], []]),
    [span('pages       checked        held      broken     unknown', 'title')],
    ...PAGE_SIZES.map((size): Line => {
      const counts = row.counts.find((count) => count.size === size)
      const numbers = [counts?.checked, counts?.held, counts?.broken, counts?.unknown]
      return [span(size.padEnd(10)), span(numbers.map((value) => count(value ?? 0).padStart(9)).join('   '))]
    }),
    [],
    ...PAGE_SIZES.flatMap((size) => {
      const promise = text?.promises[size]
      return promise === undefined ? [] : plain(`This kernel, ${size}: ${promise}`)
    }),
  ]
}
