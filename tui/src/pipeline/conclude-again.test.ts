import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { History } from '../history/history.js'
import { CowpathError } from '../model/failure.js'
import { JudgedAgain } from '../store/judged-again.js'
import { Recording } from '../store/recording.js'
import { concludeAgain } from './conclude-again.js'
import { NO_FACTS } from '../model/facts.js'
import { Judges } from './judges.js'
import { Recorder } from './recorder.js'
import { rulesUnder } from './rules-under.js'
import { lostReads, seeingAgent } from './testing/lost-read.js'

let folder: string
let good: Buffer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'good.db')
  const recorder = await Recorder.open(path, rulesUnder())
  await recorder.take({ type: 'started', agent: seeingAgent(), nextSeq: 1 })
  await recorder.take(lostReads(1, 2000))
  await recorder.close()
  good = readFileSync(path)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** What is found when the file is judged again. */
function judged(path: string): readonly unknown[] {
  const recording = Recording.open(path)
  try {
    const again = new JudgedAgain(recording)
    try {
      const judges = new Judges(rulesUnder(), again)
      concludeAgain(recording, new History(NO_FACTS, { judge: judges }), judges)
      return again.ask('findings-by-cause', { rule: 'R05' })
    } finally {
      again.close()
    }
  } finally {
    recording.close()
  }
}

test('a sound recording is judged as it was', () => {
  expect(judged(join(folder, 'good.db'))).toEqual([
    {
      cause: 'fork',
      reference_kind: 'get',
      taker: 'iov_iter_get_pages2',
      observations: 400,
      processes: 1,
    },
  ])
})

test('a corrupted recording is judged as far as it goes, or refused in one line', () => {
  const path = join(folder, 'corrupt.db')
  const change = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
      const damaged = Buffer.from(good)
      for (const [at, value] of changes) damaged[at] = value
      writeFileSync(path, damaged)
      try {
        judged(path)
      } catch (error) {
        expect(error).toBeInstanceOf(CowpathError)
        expect(String(error)).not.toContain('\n')
      }
    }),
    { numRuns: 60 },
  )
}, 60_000)
