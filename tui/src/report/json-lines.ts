/** A recording as JSON Lines: one object a line, numbers of kinds in words, addresses hex, times in ns since boot. */
import type { EventColumns } from '../model/events.js'
import { EVENT_COLUMNS } from '../store/columns.js'
import type { Recording } from '../store/recording.js'
import { pageAddress } from '../views/units.js'
import { FACTS, wordsOf, type Exported } from './exported.js'

/** The lines, each with its end. Throws a CowpathError where the recording is damaged. */
export function* jsonLines(recording: Recording, what: Exported): Generator<string> {
  if (what === 'events') {
    yield* eventLines(recording)
    return
  }
  const { sql, columns } = FACTS[what]
  for (const row of recording.rows(sql))
    yield line(Object.fromEntries(columns.map(({ name }, i) => [name, exact(row[i])])))
}

function* eventLines(recording: Recording): Generator<string> {
  const kinds = wordsOf(recording, 'kind')
  const outcomes = wordsOf(recording, 'outcome')
  for (const { run, events } of recording.events())
    for (let i = 0; i < events.length; i++)
      yield line({
        run,
        ...numbersOf(events, i),
        kind: kinds(events.kind[i]),
        outcome: outcomes(events.outcome[i]),
        address: pageAddress(events.vpn[i]),
      })
}

const NUMBERS = EVENT_COLUMNS.filter(({ name }) => !['kind', 'outcome', 'vpn'].includes(name))

function numbersOf(events: EventColumns, i: number): Readonly<Record<string, number>> {
  return Object.fromEntries(NUMBERS.map(({ name, sql }) => [sql, events[name][i]]))
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
