import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'

import { withLock } from './lock.js'

const fresh = (): string => join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'lock')

test('two fetches of one kernel do not overlap, and the lock is gone after', async () => {
  const path = fresh()
  const steps: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    steps.push(`${name} in`)
    await sleep(50)
    steps.push(`${name} out`)
  }
  const waiting = (): void => {
    steps.push('waits')
  }
  await Promise.all([withLock(path, waiting, work('a')), withLock(path, waiting, work('b'))])
  expect(steps).toEqual(['a in', 'waits', 'a out', 'b in', 'b out'])
  expect(existsSync(path)).toBe(false)
})

test('the lock of a dead process is taken over', async () => {
  const path = fresh()
  mkdirSync(path)
  writeFileSync(join(path, 'pid'), '999999999')
  expect(
    await withLock(
      path,
      () => undefined,
      () => Promise.resolve(1),
    ),
  ).toBe(1)
})
