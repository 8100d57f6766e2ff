import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

import { casesOf } from '../lab/cases.js'
import { runMatrix, type MatrixGuest } from './lab-matrix.js'

const CASES = casesOf('odirect', 'odirect-4k\thazard\nodirect-thp\thazard\n')
const SAID = 'RELEASE 6.1.0\nCASE odirect-4k: DIVERGED lost; pid=44 ppid=1 addr=0x1000 size=4k pfn=1>2\n'

interface Run {
  readonly status: number
  readonly page: string
  readonly printed: string
  readonly guests: readonly MatrixGuest[]
}

async function run(kernels: readonly string[], verdict: string, exitStatus = 0): Promise<Run> {
  const out = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'matrix.md')
  const stdout = new PassThrough()
  const printed = text(stdout)
  const guests: MatrixGuest[] = []
  const status = await runMatrix(
    CASES,
    { kernels, out },
    (guest, output) => {
      guests.push(guest)
      output.stdout.write(SAID)
      return Promise.resolve(exitStatus)
    },
    () => Promise.resolve(JSON.stringify({ rule: 'R05', verdict, pid: 44, ppid: 1 })),
    { stdout, stderr: new PassThrough() },
  )
  stdout.end()
  const page = status > 1 ? '' : readFileSync(out, 'utf8')
  return { status, page, printed: await printed, guests }
}

test('one guest a kernel runs every case, is recorded, and what memory held stands beside what was found', async () => {
  const { status, page, printed, guests } = await run(['6.1', '7.2'], 'hazard')
  expect(guests.map(({ kernel }) => kernel)).toEqual(['6.1', '7.2'])
  expect(guests[0]?.run).toContain('; timeout 60 odirect 4k; timeout 60 odirect thp; ')
  expect(guests[0]?.record).toMatch(/\.db$/)
  expect(page).toContain('| `odirect-4k` | hazard | diverged → hazard | diverged → hazard |')
  // The second case ended without a word, on both.
  expect(page).toContain('| `odirect-thp` | hazard | failed | failed |')
  expect(status).toBe(1)
  expect(printed).toContain('cases=2 kernels=2 bad=2 page=')
})

test('a signal ends the matrix with its status, and no page is written', async () => {
  expect((await run(['6.1', '7.2'], 'hazard', 130)).guests).toHaveLength(1)
  expect((await run(['6.1'], 'hazard', 130)).status).toBe(130)
})
