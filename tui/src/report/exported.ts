/** What of a recording other programs may get, whatever the format. */
import type { Recording } from '../store/recording.js'

export const EXPORTS = ['events', 'pins', 'findings', 'copies', 'forks', 'gaps'] as const
export type Exported = (typeof EXPORTS)[number]

/** One column of an export: text, or an integer of up to 64 bits. */
export interface FactColumn {
  readonly name: string
  readonly type: 'text' | 'integer'
}

export interface FactExport {
  readonly sql: string
  readonly columns: readonly FactColumn[]
}

const TEXT = new Set(
  'comm address kind foll taker ended_by rule verdict size cause reference_kind words reason leg'.split(' '),
)

/** What is not events: views and tables as db/README.md tells them, in the order in which they began. */
export const FACTS: Readonly<Record<Exclude<Exported, 'events'>, FactExport>> = {
  pins: fact(
    'v_pin',
    'pin',
    'pin mm run tgid comm address pages pfn kind write longterm foll taker from_ns until_ns ended_by',
  ),
  findings: fact(
    'v_finding',
    'finding',
    'finding rule verdict count first_ns last_ns mm tgid comm address pfn size cause cause_tgid reference_kind reference_write reference_longterm reference_tgid taker words',
  ),
  copies: fact('v_copies', 'at_ns', 'at_ns tgid comm mm address kind from_pfn to_pfn copied_bytes'),
  forks: fact('fork', 'at_ns', 'parent_mm child_mm parent_tgid child_tgid at_ns seq'),
  gaps: fact('gap', 'gap', 'run reason leg events first_seq last_seq from_ns until_ns'),
}

function fact(table: string, order: string, names: string): FactExport {
  const columns = names.split(' ')
  return {
    sql: `SELECT ${columns.join(', ')} FROM ${table} ORDER BY ${order}`,
    columns: columns.map((name) => ({ name, type: TEXT.has(name) ? 'text' : 'integer' })),
  }
}

interface WordRow {
  readonly topic: string
  readonly number: number
  readonly name: string
}

/** The words of a topic of the table `word`: of kinds, outcomes. A number without one is told as such. */
export function wordsOf(recording: Recording, topic: string): (number: number) => string {
  const rows = recording.select<WordRow>('SELECT topic, number, name FROM word')
  const words = new Map(rows.filter((row) => row.topic === topic).map(({ number, name }) => [number, name]))
  return (number) => words.get(number) ?? `${topic} ${number}`
}
