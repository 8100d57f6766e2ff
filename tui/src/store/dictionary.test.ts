import Database from 'better-sqlite3'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind, PinEnd } from '../model/facts.js'
import { VERDICTS } from '../model/finding.js'
import { Foll, Kind, Outcome } from '../model/kinds.js'
import { dbText, migrations, namedQuery } from './files.js'
import { APPLICATION_ID, SCHEMA_VERSION, migrate } from './format.js'
import { HOT_TABLES } from './hot-tables.js'

function newDatabase(): Database.Database {
  const db = new Database(':memory:')
  migrate(db, 0)
  return db
}

const TABLES = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"

test('the migrations make the schema that this program names', () => {
  const db = newDatabase()
  expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION)
  expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID)
  expect(migrations()).toHaveLength(SCHEMA_VERSION)
})

test('the dictionary tells every table, view and column, and no other', () => {
  const db = newDatabase()
  const described = new Map<string, string[]>()
  let columns: string[] = []
  for (const line of dbText('README.md').split('\n')) {
    const table = /^## (\w+)$/.exec(line)?.[1]
    if (table !== undefined) described.set(table, (columns = []))
    const column = /^- `(\w+)`: \S/.exec(line)?.[1]
    if (column !== undefined) columns.push(column)
  }
  const names = db.prepare<[], string>(TABLES).pluck().all()
  const real = names.map((name) => [name, columnsOf(db, name)] as const)
  expect(Object.fromEntries(described)).toEqual(Object.fromEntries(real))
})

test('rows are packed in the order of the columns', () => {
  const db = newDatabase()
  for (const [table, columns] of Object.entries(HOT_TABLES)) expect(columns).toEqual(columnsOf(db, table))
})

test('the table of words has every number of the model', () => {
  const db = newDatabase()
  const inModel = (topic: string, numbers: Readonly<Record<string, number>>) =>
    Object.entries(numbers).map(([name, number]) => ({
      topic,
      number,
      name: name.replace(/(?!^)([A-Z])/g, '-$1').toLowerCase(),
    }))
  expect(db.prepare('SELECT topic, number, name FROM word ORDER BY topic, number').all()).toEqual([
    ...inModel('cause', Cause),
    ...inModel('edge', EdgeKind),
    ...inModel('foll', Foll),
    ...inModel('frame', FrameKind),
    ...inModel('kind', Kind),
    ...inModel('outcome', Outcome),
    ...inModel('pin-end', PinEnd),
    ...VERDICTS.map((name, number) => ({ topic: 'verdict', number, name })),
  ])
})

test('every view, index and named query runs on an empty recording', () => {
  const db = newDatabase()
  db.exec(dbText('seal.sql'))
  for (const name of db.prepare<[], string>(TABLES).pluck().all()) db.prepare(`SELECT * FROM ${name}`).all()
  for (const file of readdirSync(new URL('../../../db/queries/', import.meta.url))) {
    const sql = namedQuery(file.replace('.sql', ''))
    const names = [...sql.matchAll(/:(\w+)/g)].map(([, name]) => [name, 1])
    expect(db.prepare(sql).all(Object.fromEntries(names)), file).toEqual([])
    for (const [name] of names) expect(sql, file).toMatch(new RegExp(`^-- .*:${String(name)} `, 'm'))
  }
})

function columnsOf(db: Database.Database, table: string): string[] {
  return db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table)
}
