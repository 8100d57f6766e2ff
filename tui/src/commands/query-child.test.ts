import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writePinnedRecording } from '../store/testing/pinned-recording.js'
import { QueryChild } from './query-child.js'

const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
const path = join(folder, 'pinned.db')
beforeAll(async () => {
  await writePinnedRecording(path)
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const asked = (child: QueryChild, query: string, width = 80): Promise<readonly string[]> =>
  new Promise((resolve) => {
    child.ask(path, query, width, resolve)
  })

test('answers as lines of a table, none wider than the screen', async () => {
  const child = new QueryChild()
  const lines = await asked(child, "SELECT 1 AS one, 'two' AS word UNION SELECT 3, 'four'")
  expect(lines.map((line) => line.split(/ +/))).toEqual([
    ['one', 'word'],
    ['1', 'two'],
    ['3', 'four'],
  ])
  expect((await asked(child, "SELECT printf('%.200c', 'x')", 40))[1]).toHaveLength(40)
})

test('what is wrong with a query is the answer', async () => {
  expect((await asked(new QueryChild(), 'SELEC 1')).join()).toContain('syntax error')
})

test('of an endless answer it shows the beginning, and says so', async () => {
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'
  const lines = await asked(new QueryChild(), endless)
  expect(lines).toHaveLength(1001)
  expect(lines.at(-1)).toContain('Only 1000 lines')
})

test('a question that takes too long is ended by the next one', async () => {
  const child = new QueryChild()
  const untold: unknown[] = []
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  child.ask(path, endless, 80, (lines) => untold.push(lines))
  expect(await asked(child, 'SELECT 7 AS n')).toEqual(['n', '7'])
  expect(untold).toEqual([])
})
