import { expect, test } from 'vitest'
import { LiveModel } from './live-model.js'
import { livePageLines } from './live-page.js'
import { syntheticJudgement } from './testing/synthetic-judgement.js'
import { columnsOf, syntheticAgent } from './testing/synthetic-stream.js'
import { PinEnd } from '../model/facts.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'

const VPN = 0x7f5e1c200
const options = { width: 120, charset: 'unicode' } as const

function model(): LiveModel {
  const made = new LiveModel('unix:///run/cowpath/agent.sock', '', 'pages')
  made.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  syntheticJudgement(made)
  return made
}

test('a live page is told as a recording tells it: intervals, pins, findings with their rule, lineage', () => {
  const live = model()
  live.pinEnded(1, 131e9, PinEnd.Unpinned)
  const text = livePageLines(800, VPN, live.page(800, VPN), live.snapshot().rules, options).join('\n')
  for (const part of [
    'Page 0x7f5e1c200000 of pid 800',
    'anon-new',
    'Who held it:',
    'io_sqe_buffers_register',
    'unpinned',
    'What the rules found:',
    'R05 pin-coherent hazard by fork',
    'The rule: While a pin taken through a slot is live',
    'copy at 130.000000 *pfn 262002',
    'pid 801',
  ])
    expect(text).toContain(part)
})

test('the counts of a step are those that the kernel had at its event', () => {
  const live = model()
  const counted = { kind: Kind.WpFault, outcome: Outcome.Copy, tgid: 800, mm: 1, vpn: VPN, timeNs: 130e9 }
  const events = columnsOf([
    { ...counted, seq: 199, refcount: 9 },
    { ...counted, seq: 200, refcount: 3, mapcount: 2, pincount: 1, newRefcount: 1, flags: Flag.Exclusive },
    { ...counted, seq: 203, refcount: 9 },
  ])
  live.accept(
    { type: 'batch', firstSeq: 199, lastSeq: 203, filtered: 0, processes: [], stacks: [], events },
    0,
  )
  const { slots } = live.page(800, VPN).view
  expect(slots.map(({ counts }) => counts)).toEqual([
    null,
    { refcount: 3, mapcount: 2, pincount: 1, exclusive: true, newRefcount: 1 },
  ])
})

test('of a page that nothing was told of, that is said; and before the answer, that it is asked for', () => {
  const text = (page: ReturnType<LiveModel['page']> | null) =>
    livePageLines(800, 1, page, [], options).join('\n')
  expect(text(model().page(800, 1))).toContain('it has not changed since')
  expect(text(null)).toContain('asking')
})
