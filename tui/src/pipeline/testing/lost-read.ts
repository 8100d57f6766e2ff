/** Test support: an O_DIRECT read on 6.1 that loses its data, as an agent tells it. */
import { NOTHING_SEEN, type AgentInfo, type EventColumns } from '../../model/events.js'
import { Flag, Foll, Kind, Outcome } from '../../model/kinds.js'
import { LEGS } from '../../rules/legs.js'
import { allocateColumns } from '../../store/columns.js'
import { madeUpAgent, type BatchItem } from '../../wire/testing/made-up.js'

export const VPN = 0x7f5e1c200

/** With every leg attached, so that every rule can say something. */
export function seeingAgent(bootId = 'run-1', kernelRelease = '6.1.0-32-amd64'): AgentInfo {
  const legs = LEGS.map((name) => ({ name, attached: true, hook: 'test', reasons: [], ...NOTHING_SEEN }))
  return { ...madeUpAgent(bootId), kernelRelease, legs }
}

type Row = { -readonly [Name in keyof Omit<EventColumns, 'length'>]?: number }

const OWNER = { mm: 1, tgid: 10, tid: 10, vpn: VPN, pages: 1 } as const
const ANON = Flag.Anon | Flag.Lru | Flag.VmaAnon | Flag.VmaMaywrite

/** Process 10 reads from disk into a page (FOLL_GET for writing), forks 20, and writes while the read is in flight. */
const STORY: readonly Row[] = [
  { kind: Kind.AnonNew, ...OWNER, newPfn: 100, flags: ANON },
  {
    kind: Kind.Gup,
    ...OWNER,
    oldPfn: 100,
    aux: Foll.Get | Foll.Write,
    stack: 1,
    flags: ANON | Flag.Exclusive,
    refcount: 2,
    mapcount: 1,
  },
  { kind: Kind.ForkVma, ...OWNER, otherMm: 2, otherTgid: 20, flags: ANON },
  { kind: Kind.Fork, ...OWNER, vpn: 0, pages: 0, otherMm: 2, otherTgid: 20 },
  {
    kind: Kind.WpFault,
    outcome: Outcome.Copy,
    ...OWNER,
    oldPfn: 100,
    newPfn: 101,
    flags: ANON | Flag.Write | Flag.User,
    refcount: 3,
    mapcount: 2,
    newRefcount: 1,
  },
]
export const STORY_EVENTS = STORY.length

/** The story `times` times, in pages of their own: events are the same wherever batches are cut. */
export function lostReads(firstSeq: number, lastSeq: number): BatchItem {
  const count = lastSeq - firstSeq + 1
  const events = allocateColumns(count)
  for (let i = 0; i < count; i++) fill(events, i, firstSeq + i)
  const stacks = [{ stack: 1, taker: 'iov_iter_get_pages2', frames: ['iov_iter_get_pages2+0x1f'] }]
  const processes = [
    { tgid: 10, parentTgid: 1, mm: 1, comm: 'db', startTimeNs: 0 },
    { tgid: 20, parentTgid: 10, mm: 2, comm: 'dump', startTimeNs: 0 },
  ]
  return { type: 'batch', firstSeq, lastSeq, filtered: 0, processes, stacks, events }
}

function fill(events: EventColumns, i: number, seq: number): void {
  const told = Math.floor((seq - 1) / STORY.length)
  for (const [name, value] of Object.entries(STORY[(seq - 1) % STORY.length])) {
    const isPage = name === 'vpn' && value !== 0
    const isFrame = name === 'oldPfn' || name === 'newPfn'
    // Names of columns, by the type of the row.
    events[name as keyof Row][i] = value + (isPage ? told : isFrame ? told * 1000 : 0)
  }
  events.seq[i] = seq
  events.timeNs[i] = 5e12 + seq * 1e6
}
