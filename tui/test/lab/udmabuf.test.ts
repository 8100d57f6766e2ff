/** Pins of a file's folios by memfd_pin_folios(), against what the program saw of its pages and the kernel counted. */
import { beforeAll, describe, expect, test } from 'vitest'

import type { EventRow } from '../../src/model/event-rows.js'
import { Flag, Foll, Kind } from '../../src/model/kinds.js'
import { jsonLines } from './guest-run.js'
import { RECORDING_MS } from './whole.js'
import { traceWith, type Traced } from './worded-agent.js'

const PAGES = 40

interface Way {
  readonly way: string
  readonly pages: number
  readonly acquired: number
  readonly released: number
}
interface Page {
  readonly page: number
  readonly pfn: number
}

const framesOf = (rows: readonly EventRow[]): readonly number[] =>
  rows
    .flatMap(({ oldPfn, pages }) => Array.from({ length: pages }, (_, i) => oldPfn + i))
    .sort((a, b) => a - b)

// memfd_pin_folios() is there since 6.11.
describe.each(['6.12', '7.2'])('who gives pages of a memfd to udmabuf on kernel %s', (series) => {
  let traced: Traced | undefined
  beforeAll(async () => {
    traced = await traceWith(series, `pins udmabuf ${PAGES}`, [])
  }, RECORDING_MS)
  const rows = (kind: number): readonly EventRow[] => (traced?.rows ?? []).filter((row) => row.kind === kind)

  test('is told with a long-term pin on each of their frames, of a file and of no slot, and with each that was given back', () => {
    const [way] = jsonLines<Way>(traced?.stdout ?? '', 'way')
    const pages = jsonLines<Page>(traced?.stdout ?? '', 'page')
    const frames = pages.map(({ pfn }) => pfn).sort((a, b) => a - b)
    const taken = rows(Kind.Gup).filter(({ aux }) => (aux & Foll.File) !== 0)
    expect(frames).toHaveLength(PAGES)
    expect([way.acquired, way.released]).toEqual([PAGES, PAGES])
    expect(framesOf(taken)).toEqual(frames)
    expect(framesOf(rows(Kind.Unpin))).toEqual(frames)
    for (const { vpn, mm, aux, flags } of taken) {
      expect([vpn, mm > 0]).toEqual([0, true])
      expect(aux & (Foll.Pin | Foll.Longterm)).toBe(Foll.Pin | Foll.Longterm)
      expect(flags & (Flag.File | Flag.Anon)).toBe(Flag.File)
    }
  })

  test('is named by the function that asked', () => {
    const taken = rows(Kind.Gup).filter(({ aux }) => (aux & Foll.File) !== 0)
    const takers = new Set(taken.map(({ stack }) => traced?.stacks.get(stack)?.taker))
    expect([...takers]).toEqual([expect.stringMatching(/^udmabuf_/)])
  })
})
