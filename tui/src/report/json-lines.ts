/** A recording as JSON Lines: one object a line, numbers of kinds in words, addresses hex, times in ns since boot. */
import type { EventColumns } from '../model/events.js'
import { EVENT_COLUMNS } from '../store/columns.js'
import type { Recording } from '../store/recording.js'
import { pageAddress } from '../views/units.js'

export const EXPORTS = ['events', 'pins', 'findings', 'copies', 'forks', 'gaps'] as const
export type Exported = (typeof EXPORTS)[number]

/** SQL of what is not events: views and tables as db/README.md tells them, in the order in which they began. */
const FACTS: Readonly<
  Record<Exclude<Exported, 'events'>, { readonly sql: string; readonly columns: string }>
> = {
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

function fact(
  table: string,
  order: string,
  columns: string,
): { readonly sql: string; readonly columns: string } {
  return { sql: `SELECT ${columns.replaceAll(' ', ', ')} FROM ${table} ORDER BY ${order}`, columns }
}

/** The lines, each with its end. Throws a CowpathError where the recording is damaged. */
export function* jsonLines(recording: Recording, what: Exported): Generator<string> {
  if (what === 'events') {
    yield* eventLines(recording)
    return
  }
  const { sql, columns } = FACTS[what]
  const names = columns.split(' ')
  for (const row of recording.rows(sql))
    yield line(Object.fromEntries(names.map((name, i) => [name, exact(row[i])])))
}

function* eventLines(recording: Recording): Generator<string> {
  const kinds = wordsOf(recording, 'kind')
  const outcomes = wordsOf(recording, 'outcome')
  for (const { run, events } of recording.events())
    for (let i = 0; i < events.length; i++) {
      const kind = events.kind[i]
      const outcome = events.outcome[i]
      yield line({
        run,
        ...numbersOf(events, i),
        kind: kinds.get(kind) ?? `kind ${kind}`,
        outcome: outcomes.get(outcome) ?? `outcome ${outcome}`,
        address: pageAddress(events.vpn[i]),
      })
    }
}

const NUMBERS = EVENT_COLUMNS.filter(({ name }) => !['kind', 'outcome', 'vpn'].includes(name))

function numbersOf(events: EventColumns, i: number): Readonly<Record<string, number>> {
  return Object.fromEntries(NUMBERS.map(({ name, sql }) => [sql, events[name][i]]))
}

interface WordRow {
  readonly topic: string
  readonly number: number
  readonly name: string
}

function wordsOf(recording: Recording, topic: string): ReadonlyMap<number, string> {
  const rows = recording.select<WordRow>('SELECT topic, number, name FROM word')
  return new Map(rows.filter((row) => row.topic === topic).map(({ number, name }) => [number, name]))
}

/** What JSON's numbers would round becomes a decimal string. */
function exact(value: string | number | bigint): string | number {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

/** Control characters and those that hide or turn text are escaped: a terminal may read it as well. */
function line(value: object): string {
  const text = JSON.stringify(value).replace(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
