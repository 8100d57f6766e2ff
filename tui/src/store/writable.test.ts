import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { openToWrite, seal } from './writable.js'

test('where indexes cannot be sorted in temporary files, they are sorted in memory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const { db } = openToWrite(join(folder, 'run.db'), 'short')
  const exec = vi.spyOn(db, 'exec').mockImplementationOnce(() => {
    throw new Error('unable to open a temporary database file')
  })
  seal(db)
  expect(exec.mock.calls.length).toBeGreaterThan(1)
  expect(db.prepare('SELECT sealed, answered FROM recording').get()).toEqual({ sealed: 1, answered: 1 })
  const indexes = db.prepare("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ix_%'").pluck().get()
  expect(indexes).toBeGreaterThan(10)
  expect(db.pragma('threads', { simple: true })).toBe(0)
  db.close()
  rmSync(folder, { recursive: true })
})

test('an error of what is to be answered leaves it unsealed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const { db } = openToWrite(join(folder, 'run.db'), 'short')
  expect(() => {
    seal(db, () => {
      throw new Error('no')
    })
  }).toThrow('no')
  expect(db.prepare('SELECT sealed, answered FROM recording').get()).toEqual({ sealed: 0, answered: 0 })
  db.close()
  rmSync(folder, { recursive: true })
})
