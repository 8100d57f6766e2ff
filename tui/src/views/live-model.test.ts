import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Kind, Outcome } from '../model/kinds.js'
import { LiveModel } from './live-model.js'
import { syntheticJudgement } from './testing/synthetic-judgement.js'
import {
  batchOf,
  heartbeatAt,
  syntheticAgent,
  syntheticSecond,
  type SyntheticEvent,
} from './testing/synthetic-stream.js'

const SECOND = 1e9

function started(parts = {}): LiveModel {
  const model = new LiveModel('unix:/run/agent.sock')
  model.accept({ type: 'started', agent: syntheticAgent(parts), nextSeq: 1 }, 0)
  return model
}

test('each kind and outcome is counted as what it is', () => {
  const model = started()
  const events: readonly SyntheticEvent[] = [
    { kind: Kind.WpFault, outcome: Outcome.Copy },
    { kind: Kind.WpFault, outcome: Outcome.Reuse },
    { kind: Kind.WpFault, outcome: Outcome.Unshare, order: 9 },
    { kind: Kind.WpFault, outcome: Outcome.Retry },
    { kind: Kind.HugeWp, outcome: Outcome.Copy, order: 9 },
    { kind: Kind.HugeWp, outcome: Outcome.Fallback, order: 9 },
    { kind: Kind.ForkCopy },
    { kind: Kind.Fork, otherTgid: 7 },
    { kind: Kind.Unmap, pages: 100 },
  ]
  model.accept(batchOf(events), 0)
  expect(model.totals).toEqual({
    events: 9,
    faults: 6,
    copies: 4,
    copiedBytes: (1 + 1 + 512 + 1) * 4096,
    reuses: 1,
    forks: 1,
  })
})

test('rates are those of seconds of the host that are over, quiet ones included', () => {
  const model = started()
  const fault = (timeNs: number) => ({ timeNs, kind: Kind.WpFault, outcome: Outcome.Copy })
  model.accept(batchOf([fault(10 * SECOND), fault(10.5 * SECOND), fault(13 * SECOND)]), 0)
  expect(model.snapshot().seconds.map((second) => second.copies)).toEqual([2, 0, 0])
  model.accept(heartbeatAt(14 * SECOND), 0)
  expect(model.snapshot().seconds.map((second) => second.copies)).toEqual([2, 0, 0, 1])
})

test('the same events give the same counts, however they are split into batches', () => {
  const events = syntheticSecond(100, 200).flatMap((item) => (item.type === 'batch' ? [item] : []))[0].events
  const rows = Array.from({ length: events.length }, (_, i): SyntheticEvent => ({
    timeNs: events.timeNs[i],
    kind: events.kind[i],
    outcome: events.outcome[i],
    tgid: events.tgid[i],
    vpn: events.vpn[i],
  }))
  const whole = started()
  whole.accept(batchOf(rows), 0)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: rows.length }), { maxLength: 8 }), (cuts) => {
      const model = started()
      const edges = [0, ...cuts.sort((a, b) => a - b), rows.length]
      edges.slice(1).forEach((to, index) => {
        model.accept(batchOf(rows.slice(edges[index], to)), 0)
      })
      expect(model.snapshot()).toEqual(whole.snapshot())
    }),
  )
})

test('lag is measured against the quickest heartbeat, so clocks that differ do not matter', () => {
  const model = started()
  model.accept(heartbeatAt(1 * SECOND), 500_000)
  model.accept(heartbeatAt(2 * SECOND), 501_000)
  expect(model.snapshot().lagNs).toBe(0)
  model.accept(heartbeatAt(3 * SECOND), 502_250)
  expect(model.snapshot().lagNs).toBe(250e6)
})

test('losses add up by hop', () => {
  const model = started()
  const loss = { count: 5, firstSeq: 0, lastSeq: 0, fromNs: 0, untilNs: 0, leg: 'wp-fault' }
  model.accept({ type: 'loss', loss: { ...loss, hop: 'ring' } }, 0)
  model.accept({ type: 'loss', loss: { ...loss, hop: 'ring' } }, 0)
  model.accept({ type: 'loss', loss: { ...loss, hop: 'replay' } }, 0)
  model.accept({ type: 'loss', loss: { ...loss, hop: 'not-entered' } }, 0)
  expect(model.snapshot().lost).toEqual({ ring: 10, 'not-entered': 5, 'client-queue': 0, replay: 5 })
})

test('memory is bounded: of 10,000 processes the quietest are forgotten, and that is counted', () => {
  const model = started()
  for (let tgid = 1; tgid <= 10_000; tgid++) {
    model.accept(batchOf([{ timeNs: tgid * 1e6, tgid, kind: Kind.WpFault, outcome: Outcome.Copy }]), 0)
  }
  const { processes, forgottenProcesses, totals } = model.snapshot()
  expect(processes.length).toBeLessThanOrEqual(4096)
  expect(processes.length + forgottenProcesses).toBe(10_000)
  expect(processes.some((process) => process.tgid === 10_000)).toBe(true)
  expect(totals.copies).toBe(10_000)
})

test('the latest events come newest first, at most as many as are kept', () => {
  const model = started()
  for (let seq = 1; seq <= 700; seq++) {
    model.accept(batchOf([{ seq, timeNs: seq, kind: Kind.WpFault, outcome: Outcome.Reuse }]), 0)
  }
  const { latest } = model.snapshot()
  expect(latest.length).toBe(500)
  expect([latest[0].seq, latest[499].seq]).toEqual([700, 201])
})

test('after the host rebooted its clock and pids begin anew, the totals go on', () => {
  const model = started()
  model.accept(batchOf([{ timeNs: 900 * SECOND, tgid: 5, kind: Kind.Fork }]), 0)
  model.accept({ type: 'started', agent: syntheticAgent({ kernelBootId: 'boot-2' }), nextSeq: 1 }, 0)
  model.accept(batchOf([{ timeNs: 3 * SECOND, tgid: 6, kind: Kind.Fork }]), 0)
  const snapshot = model.snapshot()
  expect(snapshot.totals.forks).toBe(2)
  expect(snapshot.hostTimeNs).toBe(3 * SECOND)
  expect(snapshot.processes.map((process) => process.tgid)).toEqual([6])
})

test('a snapshot is made anew only when something has come', () => {
  const model = new LiveModel('unix:///x')
  const before = model.snapshot()
  expect(model.snapshot()).toBe(before)
  model.setConnection({ state: 'connected', endpoint: 'unix:///x', sinceWallMs: 1 })
  expect(model.snapshot()).not.toBe(before)
  expect(before.connection.state).toBe('connecting')
})

test('the brief says what the snapshot says', () => {
  const model = new LiveModel('unix:///x')
  model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  syntheticJudgement(model)
  for (const item of syntheticSecond(100, 40)) model.accept(item, 0)
  expect(model.snapshot()).toMatchObject(model.brief())
  const { verdicts, findings } = model.snapshot()
  const counted = (wanted: string) =>
    findings.filter(({ verdict }) => verdict === wanted).reduce((sum, { count }) => sum + count, 0)
  expect(verdicts.hazard).toBe(counted('hazard'))
  expect(verdicts.hazard).toBeGreaterThan(0)
})
