/** What a recording holds of pins, against what the programs did and what the kernel counted. */
import { beforeAll, describe, expect, test } from 'vitest'

import { jsonLines, KERNELS } from './guest-run.js'
import { query, recordWhole } from './recording.js'
import { RECORDING_MS } from './whole.js'

const FOLL_PIN = 4

interface Way {
  readonly way: string
  readonly pid: number
  readonly target: number
  readonly vpn: number
  readonly pages: number
  readonly acquired: number
  readonly released: number
}
interface Page {
  readonly pid: number
  readonly page: number
  readonly pfn: number
}
interface Run {
  readonly kind: string
  readonly tgid: number
  readonly vpn: number
  readonly pages: number
  readonly pfn: number
  readonly foll: number
}

/** Ways that take pins on every page: as many as one record holds, and as need several. */
const PINNING = ['readv 1', 'readv 512', 'writev 40', 'remote 16', 'uring 300'] as const
/** Ways that take other references. */
const GETTING = ['vmsplice 20', 'futex 1', 'mem 3'] as const

interface Recorded {
  readonly ways: readonly Way[]
  readonly pages: readonly Page[]
  readonly runs: readonly Run[]
}

/** All ways, one after the other, in one guest. */
async function record(series: string): Promise<Recorded> {
  const line = [...PINNING, ...GETTING].map((way) => `pins ${way}`).join(' && ')
  const { db, stdout } = await recordWhole(['--kernel', series], ['--run', line])
  const sql = `SELECT word.name AS kind, tgid, vpn, pages, old_pfn AS pfn, aux & 4095 AS foll FROM event
    JOIN word ON word.topic = 'kind' AND word.number = event.kind WHERE word.name IN ('gup', 'unpin')`
  return {
    ways: jsonLines<Way>(stdout, 'way'),
    pages: jsonLines<Page>(stdout, 'page'),
    runs: await query<Run>(db, sql, 'foll'),
  }
}

/** Every page of the runs by itself: its frame, and its address where the run has one. */
function spread(runs: readonly Run[]): Omit<Page, 'pid'>[] {
  return runs.flatMap(({ vpn, pages, pfn }) =>
    Array.from({ length: pages }, (_, i) => ({ page: vpn === 0 ? 0 : vpn + i, pfn: pfn + i })),
  )
}

const frames = (pages: readonly Pick<Page, 'pfn'>[]): number[] =>
  pages.map(({ pfn }) => pfn).sort((a, b) => a - b)

describe.each(KERNELS)('a recording made on kernel %s', (series) => {
  let all: Recorded = { ways: [], pages: [], runs: [] }
  beforeAll(async () => {
    all = await record(series)
  }, RECORDING_MS)

  /** What one way did, and what was recorded of its process. */
  function of(name: string): { way: Way; pages: Page[]; runs: Run[] } {
    const at = [...PINNING, ...GETTING].findIndex((other) => other === name)
    const way = all.ways.at(at)
    if (way === undefined) throw new Error(`pins ${name} said nothing`)
    return {
      way,
      pages: all.pages.filter(({ pid }) => pid === way.target),
      runs: all.runs.filter(({ tgid }) => tgid === way.pid),
    }
  }

  test('holds all that was tried, and lost nothing', () => {
    expect(all.ways).toHaveLength(PINNING.length + GETTING.length)
  })

  test.each(PINNING)('holds each pin that %s took, page by page, and each that it gave back', (name) => {
    const { way, pages, runs } = of(name)
    const taken = spread(runs.filter(({ kind, foll }) => kind === 'gup' && (foll & FOLL_PIN) !== 0))
    const given = spread(runs.filter(({ kind }) => kind === 'unpin'))

    expect(pages).toHaveLength(way.pages)
    expect(taken).toEqual(pages.map(({ page, pfn }) => ({ page, pfn })))
    expect(frames(given)).toEqual(frames(pages))
    expect([taken.length, given.length]).toEqual([way.acquired, way.released])
  })

  test.each(GETTING)('tells the references of %s, which are no pins', (name) => {
    const { way, pages, runs } = of(name)
    const taken = runs.filter(({ kind }) => kind === 'gup')
    const held = spread(taken).filter(({ page }) => page >= way.vpn && page < way.vpn + way.pages)

    expect(pages).toHaveLength(way.pages)
    expect(taken.filter(({ foll }) => (foll & FOLL_PIN) !== 0)).toEqual([])
    expect(new Map(held.map(({ page, pfn }) => [page, pfn]))).toEqual(
      new Map(pages.map(({ page, pfn }) => [page, pfn])),
    )
    expect([way.acquired, way.released]).toEqual([0, 0])
  })
})
