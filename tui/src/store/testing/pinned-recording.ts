/** Test support: a small recording in which pages were pinned, forked, split and lost, with names that mean harm. */
import type { AgentInfo } from '../../model/events.js'
import { Cause, EdgeKind, FrameKind, PinEnd, type PinFact } from '../../model/facts.js'
import type { Evidence, Finding } from '../../model/finding.js'
import { Flag, Foll, Kind, Outcome } from '../../model/kinds.js'
import { allocateColumns } from '../columns.js'
import { SYNTHETIC_AGENT } from '../synthetic.js'
import { RecordingWriter } from '../writer.js'

export const HOSTILE = `\u001b[31m');--\u202e`
export const VPN = 0x7f0000010

const PIN: PinFact = {
  pin: 1,
  mm: 1,
  vpn: VPN,
  pages: 4,
  pfn: 5001,
  foll: Foll.Pin | Foll.Write | Foll.Longterm,
  tgid: 10,
  tid: 10,
  stack: 1,
  call: 1,
  fromNs: 2e9,
  seq: 1,
}

const EVIDENCE: Evidence = {
  run: 1,
  seq: 3,
  timeNs: 4e9,
  kind: Kind.WpFault,
  outcome: Outcome.Copy,
  tgid: 10,
  tid: 10,
  mm: 1,
  vpn: VPN,
  oldPfn: 5001,
  newPfn: 5002,
  flags: Flag.Anon,
  refcount: 1026,
  mapcount: 2,
  pincount: 1,
  reference: {
    pin: 1,
    kind: 'pin',
    write: true,
    longterm: true,
    stack: 1,
    tgid: 10,
    mm: 1,
    vpn: VPN,
    takenNs: 2e9,
  },
  words: 'the page was copied away from the frame that is pinned',
}

const FINDING: Finding = {
  finding: 1,
  rule: 'R05',
  verdict: 'hazard',
  count: 2,
  firstNs: 4e9,
  lastNs: 5e9,
  mm: 1,
  tgid: 10,
  size: '4k',
  cause: 'fork',
  causeTgid: 20,
  first: EVIDENCE,
  last: { ...EVIDENCE, seq: 4, timeNs: 5e9 },
}

/**
 * Process 10 pins a page, forks 20 and writes: frame 5002 is copied of 5001. 20 (a hostile name) exits at 8 s. Where
 * `lostFromNs` is given, events were lost for 0.1 s from then on.
 */
export async function writePinnedRecording(
  path: string,
  { lostFromNs, agent = SYNTHETIC_AGENT }: { lostFromNs?: number; agent?: AgentInfo } = {},
): Promise<void> {
  const nothing = () => undefined
  const failed = (error: Error) => {
    throw error
  }
  const writer = await RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed,
  })
  writer.run(1, agent, 1)
  writer.stacks(1, [
    { stack: 1, taker: 'vfio_pin_pages_remote', frames: ['pin_user_pages_remote+0x41'] },
    { stack: 2, taker: HOSTILE, frames: [HOSTILE] },
  ])
  writer.mm({ mm: 1, run: 1, agentMm: 1, parentMm: 0, bornNs: 1e9, bornBy: 'seen' })
  writer.mm({ mm: 2, run: 1, agentMm: 2, parentMm: 1, bornNs: 3e9, bornBy: 'fork' })
  writer.process({ tgid: 10, parentTgid: 7, mm: 1, comm: 'driver', startTimeNs: 0, seenNs: 1e9 })
  writer.process({ tgid: 20, parentTgid: 10, mm: 2, comm: HOSTILE, startTimeNs: 0, seenNs: 3e9 })
  writer.frameSeen(1, 5001, 0, FrameKind.Anon, 1e9, 1)
  writer.slotMapped(1, 1, VPN, 1, 1e9, Cause.Seen, 1, true)
  writer.fork({ parentMm: 1, childMm: 2, parentTgid: 10, childTgid: 20, timeNs: 3.1e9, seq: 2 })
  writer.slotEnded(1, 4e9, Cause.Copy, 3, 1, VPN)
  writer.frameSeen(2, 5002, 0, FrameKind.Anon, 4e9, 3)
  writer.slotMapped(2, 1, VPN, 2, 4e9, Cause.Copy, 3, true)
  writer.edge(1, EdgeKind.Copy, 1, 2, 1, VPN, 4e9, 3)
  // A second copy, of a huge page, when the child has gone.
  writer.frameSeen(3, 9216, 9, FrameKind.Anon, 9e9, 6)
  writer.edge(2, EdgeKind.Copy, 2, 3, 1, VPN + 512, 9e9, 6)
  writer.mmEnded(2, 8e9, 5)

  writer.pinTaken(PIN)
  writer.pinTaken({ ...PIN, pin: 2, vpn: VPN + 9, pfn: 6000, stack: 2, fromNs: 2.5e9 })
  writer.pinEnded(2, 3e9, 2, PinEnd.Unpinned)
  writer.pinTaken({ ...PIN, pin: 3, vpn: VPN + 30, pfn: 7000, stack: 0, fromNs: 6e9 })
  writer.pinEnded(3, 7e9, 5, PinEnd.FrameFreed)
  // Its process is gone, and it was never given back.
  writer.pinTaken({ ...PIN, pin: 4, mm: 2, vpn: VPN + 40, pfn: 8000, stack: 2, tgid: 20, fromNs: 5e9 })
  writer.pinTaken({ ...PIN, pin: 5, vpn: VPN + 50, pfn: 8100, foll: Foll.Get, fromNs: 6e9 })

  writer.finding(FINDING)
  writer.finding({
    ...FINDING,
    finding: 2,
    rule: 'A04',
    verdict: 'measured',
    mm: 2,
    tgid: 20,
    cause: 'gup',
    causeTgid: 0,
    count: 30,
    last: { ...EVIDENCE, words: HOSTILE },
  })
  writer.finding({ ...FINDING, finding: 3, rule: 'R03', verdict: 'measured', cause: 'mprotect', count: 6 })
  writer.ruleCounts(1, [
    { rule: 'A04', size: '4k', checked: 40, held: 8, broken: 30, unknown: 2 },
    { rule: 'R03', size: '4k', checked: 24, held: 15, broken: 6, unknown: 3 },
  ])
  const events = allocateColumns(6)
  events.seq.set([1, 2, 3, 4, 5, 6])
  events.timeNs.set([2e9, 3e9, 4e9, 5e9, 8e9, 10e9])
  events.kind.set([Kind.Gup, Kind.Fork, Kind.WpFault, Kind.PmdSplit, Kind.FolioSplit, Kind.FolioSplit])
  events.outcome.set([0, 0, Outcome.Copy, 0, Outcome.Failed, Outcome.None])
  events.order.set([0, 0, 0, 9, 9, 9])
  events.aux.set([0, 0, 0, 0, 16 * 256, 4])
  events.tgid.fill(10)
  events.stack.set([0, 0, 0, 1, 2, 0])
  writer.events(1, 1, 6, events)
  writer.rate(5e9, 10, 1, Kind.PmdSplit, Outcome.None, 3, 1536, 0, 0)
  writer.rate(8e9, 10, 1, Kind.FolioSplit, Outcome.Failed, 2, 1024, 0, 0)
  writer.rate(8e9, 10, 1, Kind.Wrprotect, Outcome.None, 90, 900, 0, 0)
  writer.anomaly('slot-maps-other-frame', 4e9, 3)
  if (lostFromNs !== undefined)
    writer.gap({
      run: 1,
      reason: 'ring',
      leg: 'gup',
      count: 3,
      firstSeq: 0,
      lastSeq: 0,
      fromNs: lostFromNs,
      untilNs: lostFromNs + 0.1e9,
    })
  await writer.close()
}
