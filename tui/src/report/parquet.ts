/** A recording as Parquet: kinds in words, times in ns since boot, every integer exact. */
import type { SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter, type ColumnSource } from 'hyparquet-writer'
import type { EventColumns } from '../model/events.js'
import { EVENT_COLUMNS } from '../store/columns.js'
import type { RecordedEvents, Recording } from '../store/recording.js'
import { FACTS, wordsOf, type Exported, type FactColumn } from './exported.js'

/** Rows that one row group holds at least, but for the last: readers skip by group, and we hold one in memory. */
const ROWS_A_GROUP = 100_000

const CREATED_BY = 'cowpath'

/** The file in pieces, one a row group. Throws a CowpathError where the recording is damaged. */
export function* parquet(recording: Recording, what: Exported): Generator<Uint8Array> {
  const columns = what === 'events' ? EVENT_FIELDS : FACTS[what].columns
  const out = new PieceWriter()
  const file = new ParquetWriter({ writer: out, schema: schemaOf(columns), createdBy: CREATED_BY })
  const groups = what === 'events' ? eventGroups(recording) : factGroups(recording, what)
  for (const columnData of groups) {
    // One group a call: its rows are already as many as a group should have.
    void file.write({ columnData, rowGroupSize: columnData[0].data.length })
    yield out.taken()
  }
  void file.finish()
  yield out.taken()
}

/** Collects bytes between two pieces; offsets go on over the whole file. */
class PieceWriter extends ByteWriter {
  taken(): Uint8Array {
    const bytes = this.getBytes().slice()
    this.index = 0
    return bytes
  }
}

const WORDS = new Set(['kind', 'outcome'])

/** The columns of the table `event`, kind and outcome in words. */
const EVENT_FIELDS: readonly FactColumn[] = [
  { name: 'run', type: 'integer' },
  ...EVENT_COLUMNS.map(({ sql }) => ({ name: sql, type: WORDS.has(sql) ? 'text' : 'integer' }) as const),
]

function schemaOf(columns: readonly FactColumn[]): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type }): SchemaElement =>
      type === 'text'
        ? { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }
        : { name, type: 'INT64', repetition_type: 'OPTIONAL' },
    ),
  ]
}

function* eventGroups(recording: Recording): Generator<ColumnSource[]> {
  const words = { kind: wordsOf(recording, 'kind'), outcome: wordsOf(recording, 'outcome') }
  let blocks: RecordedEvents[] = []
  let rows = 0
  for (const block of recording.events()) {
    if (block.events.length === 0) continue
    blocks.push(block)
    rows += block.events.length
    if (rows < ROWS_A_GROUP) continue
    yield eventGroup(blocks, rows, words)
    blocks = []
    rows = 0
  }
  if (rows > 0) yield eventGroup(blocks, rows, words)
}

type Words = Readonly<Record<'kind' | 'outcome', (number: number) => string>>

function eventGroup(blocks: readonly RecordedEvents[], rows: number, words: Words): ColumnSource[] {
  const run = integers(rows, blocks, ({ run }) => run)
  const columns = EVENT_COLUMNS.map(({ name, sql }): ColumnSource => {
    if (name === 'kind' || name === 'outcome') return { name: sql, data: texts(blocks, name, words[name]) }
    return { name: sql, data: integers(rows, blocks, ({ events }, i) => events[name][i]) }
  })
  return [{ name: 'run', data: run }, ...columns]
}

function integers(
  rows: number,
  blocks: readonly RecordedEvents[],
  valueOf: (block: RecordedEvents, i: number) => number,
): BigInt64Array {
  const column = new BigInt64Array(rows)
  let at = 0
  for (const block of blocks)
    for (let i = 0; i < block.events.length; i++) column[at++] = BigInt(valueOf(block, i))
  return column
}

function texts(
  blocks: readonly RecordedEvents[],
  name: keyof Pick<EventColumns, 'kind' | 'outcome'>,
  word: (number: number) => string,
): string[] {
  return blocks.flatMap(({ events }) => Array.from(events[name], word))
}

function* factGroups(recording: Recording, what: Exclude<Exported, 'events'>): Generator<ColumnSource[]> {
  const { sql, columns } = FACTS[what]
  let rows: (string | number | bigint)[][] = []
  for (const row of recording.rows(sql)) {
    rows.push(row)
    if (rows.length < ROWS_A_GROUP) continue
    yield factGroup(columns, rows)
    rows = []
  }
  if (rows.length > 0) yield factGroup(columns, rows)
}

function factGroup(
  columns: readonly FactColumn[],
  rows: readonly (readonly (string | number | bigint)[])[],
): ColumnSource[] {
  return columns.map(({ name }, i) => ({ name, data: rows.map((row) => row[i]) }))
}
