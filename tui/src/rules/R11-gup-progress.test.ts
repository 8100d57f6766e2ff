import { expect, test } from 'vitest'
import { Flag, Foll, Kind, Outcome } from '../model/kinds.js'
import { fault, said, slot, Stage, VPN } from './testing/stage.js'

const inGup = (facts: Parameters<typeof fault>[0] = {}) =>
  fault({ outcome: Outcome.Retry, aux: Foll.Get, ...facts, flags: Flag.InGup })
const times = (count: number, facts = {}) => Array.from({ length: count }, () => inGup(facts))
const end = fault({ kind: Kind.Gup, pages: 1, aux: Foll.Get })

test('eight faults on one address are progress, the ninth is not', () => {
  expect(new Stage().judge({}, ...times(8)).answers('R11')).toBe('held 1')
  const stage = new Stage().judge({}, ...times(9))
  expect(stage.findings('R11').map(said)).toEqual(['violation gup 4k'])
  expect(stage.findings('R11')[0].first.words).toBe(
    'fault 9 of one GUP call on the same address, 0 ns after the first',
  )
})

test('another address, another task, the end of the call and a fault of its own begin anew', () => {
  for (const between of [inGup({ vpn: VPN + 1 }), end, fault()]) {
    const stage = new Stage().judge({}, ...times(6), between, ...times(6))
    expect(stage.findings('R11')).toEqual([])
  }
  const two = times(6).flatMap((event) => [event, { ...event, tid: 9 }])
  expect(new Stage().judge({}, ...two).findings('R11')).toEqual([])
})

test('a call that fails is over', () => {
  const failed = inGup({ outcome: Outcome.Failed })
  expect(new Stage().judge({}, ...times(6), failed, ...times(6)).findings('R11')).toEqual([])
})

test('it cannot say across a gap', () => {
  const stage = new Stage().judge({ slots: [slot({ isCertain: false })] }, ...times(20))
  expect(stage.findings('R11')).toEqual([])
  expect(stage.answers('R11')).toContain('unknown')
})

test('as many tasks as there may be are remembered, and no more', () => {
  const many = Array.from({ length: 10_000 }, (_, tid) => inGup({ tid }))
  expect(new Stage().judge({}, ...many).answers('R11')).toBe('held 10000')
})
