/** An agent that tells one page in four, against what programs did and saw of their own memory. */
import { beforeAll, describe, expect, test } from 'vitest'

import type { EventRow } from '../../src/model/event-rows.js'
import { Foll, Kind, Outcome } from '../../src/model/kinds.js'
import { isChosen } from '../../src/model/sample.js'
import { jsonLines, KERNELS } from './guest-run.js'
import { RECORDING_MS } from './whole.js'
import { traceWith, type Traced } from './worded-agent.js'

const ONE_IN = 4
const LINE = 'cowfork 200 && pins readv 512 && pins uring 300 && pins remote 16'
const PAGE_BYTES = 4096

interface Write {
  readonly pid: number
  readonly vaddr: number
  readonly pfn_before: number
  readonly pfn_after: number
}
interface Way {
  readonly way: string
  readonly pid: number
  readonly target: number
}
interface Page {
  readonly pid: number
  readonly page: number
  readonly pfn: number
}

const order = (a: number, b: number): number => a - b

describe.each(KERNELS)('an agent with --pages 1/4 on kernel %s', (series) => {
  let traced: Traced | undefined
  let rows: readonly EventRow[] = []
  beforeAll(async () => {
    traced = await traceWith(series, LINE, ['--pages', `1/${ONE_IN}`])
    ;({ rows } = traced)
  }, RECORDING_MS)
  const lines = <T>(key: keyof T & string): T[] => jsonLines<T>(traced?.stdout ?? '', key)

  test('says that it is a sample, and its books balance', () => {
    expect(traced?.agent.onePageIn).toBe(ONE_IN)
    for (const leg of traced?.legs ?? [])
      expect(leg.seen, leg.name).toBe(
        leg.submitted + leg.ringFull + leg.filtered + leg.throttled + leg.missed,
      )
    expect(traced?.legs.find(({ name }) => name === 'wp-fault')?.filtered).toBeGreaterThan(0)
  })

  test('tells every write to a chosen page, and none to another', () => {
    const writes = lines<Write>('pfn_before').map(({ pid, vaddr, pfn_before, pfn_after }) => ({
      tgid: pid,
      vpn: vaddr / PAGE_BYTES,
      oldPfn: pfn_before,
      newPfn: pfn_after,
    }))
    const pids = new Set(writes.map(({ tgid }) => tgid))
    const vpns = new Set(writes.map(({ vpn }) => vpn))
    const told = rows
      .filter(({ kind, tgid, vpn }) => kind === Kind.WpFault && pids.has(tgid) && vpns.has(vpn))
      .filter(({ outcome }) => outcome === Outcome.Copy || outcome === Outcome.Reuse)
      .map(({ tgid, vpn, oldPfn, newPfn }) => ({ tgid, vpn, oldPfn, newPfn }))
    const chosen = writes.filter(({ vpn }) => isChosen(vpn, ONE_IN))
    expect(chosen.length).toBeGreaterThan(100)
    expect(new Set(told.map((one) => JSON.stringify(one)))).toEqual(
      new Set(chosen.map((one) => JSON.stringify(one))),
    )
    const faults = rows.filter(({ kind }) => kind === Kind.WpFault || kind === Kind.AnonNew)
    expect(faults.filter(({ vpn, pages }) => pages <= 1 && !isChosen(vpn, ONE_IN))).toEqual([])
  })

  test('tells whole ranges of forks all the same', () => {
    const ranges = rows.filter(({ kind }) => kind === Kind.ForkVma)
    expect(ranges.some(({ pages }) => pages >= 400)).toBe(true)
  })

  test('tells the pins of chosen pages page by page, and each that was given back', () => {
    const ways = lines<Way>('way')
    const pages = lines<Page>('page')
    expect(ways).toHaveLength(3)
    for (const { way, pid, target } of ways) {
      const expected = pages.filter((page) => page.pid === target && isChosen(page.page, ONE_IN))
      const taken = rows.filter(
        ({ kind, tgid, aux }) => kind === Kind.Gup && tgid === pid && (aux & Foll.Pin) !== 0,
      )
      expect(expected.length, way).toBeGreaterThan(0)
      expect(taken.map(({ vpn, oldPfn, pages: count }) => [vpn, oldPfn, count])).toEqual(
        expected.map(({ page, pfn }) => [page, pfn, 1]),
      )
      const given = rows.filter(({ kind, tgid }) => kind === Kind.Unpin && tgid === pid)
      const frames = given.flatMap(({ oldPfn, pages: count }) =>
        Array.from({ length: count }, (_, i) => oldPfn + i),
      )
      expect(frames.sort(order), way).toEqual(expected.map(({ pfn }) => pfn).sort(order))
    }
  })
})
