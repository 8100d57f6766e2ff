import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VmaFact } from '../model/facts.js'
import { Flag, Kind, Mapping, Outcome } from '../model/kinds.js'
import { History } from './history.js'
import { contradictions, factLog } from './testing/fact-log.js'
import { argsOf } from './testing/looking.js'
import { batchOf, numbered } from './testing/events.js'
import { VmaList, Vmas } from './vmas.js'

const PRIVATE = Flag.VmaMaywrite | Flag.VmaAnon
const HEAP = Mapping.Told | Mapping.Read | Mapping.Write | Mapping.Heap
const PARENT = 7
const CHILD = 8
const forked = { kind: Kind.ForkVma, tgid: 70, mm: PARENT, otherMm: CHILD, flags: PRIVATE }
const copy = { kind: Kind.WpFault, outcome: Outcome.Copy, tgid: 70, mm: PARENT }

function concluded(events: Parameters<typeof numbered>[0]) {
  const { sink, facts } = factLog()
  const history = new History(sink)
  history.begin(1, 1)
  history.apply(batchOf(numbered(events)))
  history.finish()
  expect(contradictions(facts)).toEqual([])
  return facts
}

describe('a vma', () => {
  test('is told when fork copies it, once however often it does', () => {
    const facts = concluded([
      { ...forked, vpn: 16, pages: 8, aux: HEAP, timeNs: 1e9 },
      { ...forked, vpn: 16, pages: 8, aux: HEAP, otherMm: 9, timeNs: 2e9 },
    ])
    expect(argsOf(facts, 'vma')).toEqual([
      [
        {
          ...{ vma: 1, mm: 1, vpn: 16, pages: 8, flags: Flag.VmaMaywrite, mapping: HEAP },
          ...{ fromNs: 1e9, fromSeq: 1 },
        },
      ],
    ])
    expect(argsOf(facts, 'vmaEnded')).toEqual([])
  })

  test('ends when fork tells something else of its range', () => {
    const facts = concluded([
      { ...forked, vpn: 16, pages: 8, aux: HEAP, timeNs: 1e9 },
      { ...forked, vpn: 16, pages: 12, aux: HEAP, otherMm: 9, timeNs: 2e9 },
    ])
    expect(argsOf(facts, 'vmaEnded')).toEqual([[1, 2e9, 2]])
    expect(argsOf(facts, 'vma')).toMatchObject([[{ vma: 1, pages: 8 }], [{ vma: 2, pages: 12 }]])
  })

  test('of a child is told when something is counted in it, as it was at fork', () => {
    const facts = concluded([
      { ...forked, vpn: 16, pages: 8, timeNs: 1e9 },
      { ...forked, vpn: 32, pages: 8, timeNs: 1.1e9 },
      { ...copy, mm: CHILD, tgid: 71, vpn: 33, oldPfn: 50, newPfn: 51, timeNs: 1.5e9 },
    ])
    const child = argsOf(facts, 'vma').map(([fact]) => fact as VmaFact)
    expect(child.filter(({ mm }) => mm === 2)).toMatchObject([{ vma: 3, vpn: 32, fromNs: 1.1e9 }])
  })
})

test('write faults are counted in the vma and by the stack that they are of, all else in none', () => {
  const facts = concluded([
    { ...forked, vpn: 16, pages: 8, timeNs: 1e9 },
    { ...copy, vpn: 16, oldPfn: 50, newPfn: 51, stack: 3, timeNs: 1.1e9 },
    { ...copy, vpn: 17, oldPfn: 60, newPfn: 61, stack: 3, timeNs: 1.2e9 },
    { ...copy, vpn: 18, oldPfn: 70, newPfn: 71, stack: 4, timeNs: 1.3e9 },
    { ...copy, vpn: 24, oldPfn: 80, newPfn: 81, timeNs: 1.4e9 },
    { kind: Kind.Unmap, tgid: 70, mm: PARENT, vpn: 16, pages: 4, stack: 5, timeNs: 1.5e9 },
  ])
  const [told, inNone] = [Kind.WpFault, Kind.Unmap].map((kind) =>
    argsOf(facts, 'rate')
      .filter((args) => args[3] === kind)
      .map((args) => args.slice(5)),
  )
  expect(told).toEqual([
    [2, 2, 1, 3],
    [1, 1, 1, 4],
    [1, 1, 0, 0],
  ])
  expect(inNone).toEqual([[1, 4, 0, 0]])
})

const range = fc.record({ mm: fc.nat(1), vpn: fc.nat(40), pages: fc.integer({ min: 1, max: 12 }) })

/** The least that can say the same: the number of the telling for each page. */
function lastTold(
  tellings: readonly { readonly mm: number; readonly vpn: number; readonly pages: number }[],
) {
  const pages = new Map<string, number>()
  tellings.forEach(({ mm, vpn, pages: count }, number) => {
    const whole = new Set([...pages].filter(([page]) => isWithin(page, mm, vpn, count)).map(([, by]) => by))
    for (const [page, by] of pages) if (whole.has(by)) pages.delete(page)
    for (let page = vpn; page < vpn + count; page++) pages.set(`${mm}/${page}`, number)
  })
  return pages
}

function isWithin(page: string, mm: number, vpn: number, count: number): boolean {
  const [owner, at] = page.split('/').map(Number)
  return owner === mm && at >= vpn && at < vpn + count
}

test('a page lies in the vma that was told last of it, and in none where that was told otherwise since', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (tellings) => {
      const { sink, facts } = factLog()
      const vmas = new Vmas(sink)
      const mms = [1, 2].map((id) => ({ id, vmas: new VmaList() }))
      const nobody = { id: 3, vmas: new VmaList() }
      tellings.forEach(({ mm, vpn, pages }, i) => {
        // Each unlike all others, so that a page tells of which it is.
        vmas.forked(mms[mm], nobody, { vpn, end: vpn + pages, flags: i, mapping: 0 }, { timeNs: i, seq: i })
      })
      const told = lastTold(tellings)
      for (const [mm, owner] of mms.entries())
        for (let vpn = 0; vpn < 60; vpn++) {
          const number = vmas.at(owner, vpn)
          const fact = argsOf(facts, 'vma').map(([one]) => one as VmaFact)[number - 1] as VmaFact | undefined
          expect(fact?.flags).toBe(told.get(`${mm}/${vpn}`))
        }
      expect(contradictions(facts)).toEqual([])
    }),
  )
})

test('there is a bound, within which room is given back by who ends', () => {
  const { sink } = factLog()
  const vmas = new Vmas(sink, 3)
  const [first, second, third] = [1, 2, 3].map((id) => ({ id, vmas: new VmaList() }))
  const tell = (parent: typeof first, vpn: number) => {
    vmas.forked(parent, second, { vpn, end: vpn + 4, flags: 0, mapping: 0 }, { timeNs: 0, seq: 0 })
  }
  tell(first, 0)
  tell(first, 4)
  expect([vmas.at(first, 4), vmas.at(second, 4)]).toEqual([2, 0])
  vmas.forget(first)
  expect(vmas.at(first, 4)).toBe(0)
  tell(third, 8)
  expect([vmas.at(third, 8), vmas.at(second, 8)]).not.toContain(0)
})
