import type { Evidence, Finding } from '../../model/finding.js'
import { Cause, EdgeKind, FrameKind } from '../../model/facts.js'
import { Flag, Foll, Kind, Outcome } from '../../model/kinds.js'
import type { LiveModel } from '../live-model.js'
import { batchOf } from './synthetic-stream.js'

/** Test support: what rules may have said of the made-up stream, and what is pinned in it. */
export function syntheticJudgement(model: LiveModel): void {
  model.ruleTexts([
    {
      rule: 'R05',
      name: 'pin-coherent',
      statement:
        'While a pin taken through a slot is live, the slot keeps mapping the pinned frame. Broken when an event makes a slot map another frame while a live pin was taken through that slot.',
      source: 'Torvalds, 17 Dec 2021',
      promises: { '4k': 'not promised for FOLL_GET references', hugetlb: 'not promised' },
    },
    {
      rule: 'A01',
      name: 'needless-copy',
      statement: 'The copy was made though the only mapping was this one.',
      source: 'Arcangeli, 2 May 2016',
      promises: {},
    },
  ])
  model.ruleCounts([
    { rule: 'R05', size: '4k', checked: 9000, held: 8990, broken: 3, unknown: 7 },
    { rule: 'A01', size: '4k', checked: 400, held: 360, broken: 40, unknown: 0 },
  ])
  const stacks = ['__blkdev_direct_IO_simple', 'io_sqe_buffers_register'].map((taker, index) => ({
    stack: index + 1,
    taker,
    frames: [],
  }))
  model.accept(batchOf([], [], stacks), 0)
  model.finding(finding(1, { rule: 'R05', verdict: 'hazard', count: 3 }))
  model.finding(finding(2, { rule: 'A01', verdict: 'advice', count: 40, cause: 'lru-batch' }))
  for (const [pin, foll] of [Foll.Pin | Foll.Write | Foll.Longterm, Foll.Get].entries())
    model.pinTaken({
      pin: pin + 1,
      mm: 1,
      vpn: 0x7f5e1c200 + pin * 16,
      pages: 16,
      pfn: 200_000 + pin * 16,
      foll,
      tgid: 800,
      tid: 800,
      stack: 2,
      call: pin,
      fromNs: (101 + pin) * 1e9,
      seq: 5 + pin,
    })
  syntheticFamily(model)
}

/** The page that the findings are about: shared with a child by fork, then copied for its owner. */
function syntheticFamily(model: LiveModel): void {
  const { families } = model

  const vpn = 0x7f5e1c200
  const [owner, child] = [1, 2]
  model.fork({ parentMm: owner, childMm: child, parentTgid: 800, childTgid: 801, timeNs: 119e9, seq: 80 })
  families?.frameSeen(1, 261_888, 0, FrameKind.Anon)
  families?.slotMapped(1, owner, vpn, 1, 110e9, Cause.AnonNew, 60, true)
  families?.slotMapped(2, child, vpn, 1, 119e9, Cause.Fork, 80, false)
  families?.frameSeen(2, 262_002, 0, FrameKind.Anon)
  families?.slotEnded(1, 130e9, Cause.Copy)
  families?.slotMapped(3, owner, vpn, 2, 130e9, Cause.Copy, 200, true)
  families?.edge(1, EdgeKind.Copy, 1, 2, owner, vpn, 130e9)
}

function finding(number: number, parts: Partial<Finding>): Finding {
  return {
    finding: number,
    rule: 'R05',
    verdict: 'hazard',
    count: 1,
    firstNs: 120e9,
    lastNs: 130e9,
    mm: 1,
    tgid: 800,
    size: '4k',
    cause: 'fork',
    causeTgid: 800,
    first: evidence(120e9, 100),
    last: evidence(130e9, 200),
    ...parts,
  }
}

function evidence(timeNs: number, seq: number): Evidence {
  return {
    run: 1,
    seq,
    timeNs,
    kind: Kind.WpFault,
    outcome: Outcome.Copy,
    tgid: 800,
    tid: 801,
    mm: 1,
    vpn: 0x7f5e1c200,
    oldPfn: 261_888,
    newPfn: 262_002,
    flags: Flag.Anon | Flag.Write,
    refcount: 2,
    mapcount: 1,
    pincount: 0,
    reference: {
      pin: 9,
      kind: 'get',
      write: true,
      longterm: false,
      stack: 1,
      tgid: 800,
      mm: 1,
      vpn: 0x7f5e1c200,
      takenNs: timeNs - 2e8,
    },
    words:
      'The write was given a copy of its own, and the frame that was left keeps what the device wrote: the process does not see it.',
  }
}
