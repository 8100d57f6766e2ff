import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CowpathError } from '../model/failure.js'
import { BlockEncoder, CODEC_TWO_BROTLI } from './block.js'
import { allocateColumns } from './columns.js'
import { eventsAhead } from './read-ahead.js'
import { Recording } from './recording.js'
import { openToWrite, seal } from './writable.js'

/** Enough for another thread to be asked. */
const BLOCKS = 300
const DAMAGED = 270

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** Blocks of two events, one of which may be damaged. */
function recordingOf(damaged?: number): Recording {
  const path = join(folder, 'run.db')
  const { db } = openToWrite(path, 'short')
  db.pragma('foreign_keys = OFF') // of no run
  const encoder = new BlockEncoder()
  const insert = db.prepare(
    'INSERT INTO event_block (run, first_seq, last_seq, from_ns, until_ns, events, codec, data) VALUES (1, ?, ?, 0, 0, 2, ?, ?)',
  )
  for (let block = 1; block <= BLOCKS; block++) {
    const events = allocateColumns(2)
    events.seq.set([2 * block, 2 * block + 1])
    events.mm.fill(block)
    const data = block === damaged ? Buffer.from('no such block') : encoder.encode(events)
    insert.run(2 * block, 2 * block + 1, CODEC_TWO_BROTLI, data)
  }
  seal(db)
  db.close()
  return Recording.open(path)
}

test('events that another thread unpacks are those of the recording, in their order', () => {
  const recording = recordingOf()
  const own = [...recording.events()]
  const unpacked = vi.spyOn(recording, 'events')
  expect([...eventsAhead(recording)]).toEqual(own)
  // Where the machine is so busy that the thread was given up, it had begun.
  for (const [, , after] of unpacked.mock.calls) expect(after).toBeGreaterThan(0)
  recording.close()
})

test('a damaged block is told as if there were no other thread, behind all blocks before it', () => {
  const recording = recordingOf(DAMAGED)
  let last = 0
  expect(() => {
    for (const { block } of eventsAhead(recording)) last = block
  }).toThrow(CowpathError)
  expect(last).toBe(DAMAGED - 1)
  recording.close()
})

test('who wants no more events may begin anew', () => {
  const recording = recordingOf()
  for (const { block } of eventsAhead(recording)) if (block === 2) break
  expect([...eventsAhead(recording)]).toHaveLength(BLOCKS)
  recording.close()
})
