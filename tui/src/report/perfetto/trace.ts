/** A recording as a Perfetto trace: a group of tracks a process, its counters, pins, forks, copies and findings in time. */
import { Kind } from '../../model/kinds.js'
import type { Recording } from '../../store/recording.js'
import { spanOf } from '../../store/recorded-stream.js'
import { pageAddress } from '../../views/units.js'
import { wordsOf } from '../exported.js'
import { PacketWriter, PIECE_BYTES, type Details } from './packet-writer.js'
import { ProcessTracks } from './process-tracks.js'

/** Events that are rare and mean something by themselves; all others are in the counters. */
const RARE = new Set<number>([Kind.Exec, Kind.PmdSplit, Kind.FolioSplit, Kind.Collapse, Kind.UffdMessage])

/** The trace in pieces; each is whole packets. Throws a CowpathError where the recording is damaged. */
export function* perfetto(recording: Recording): Generator<Uint8Array> {
  const out = new PacketWriter()
  begin(recording, out)
  const processes = new ProcessTracks(recording, out)
  for (const part of [findings, gaps, forks, pins, copies, rates, rareEvents]) {
    const steps = part(recording, out, processes)
    while (steps.next().done !== true) if (out.waiting > PIECE_BYTES) yield out.taken()
  }
  yield out.taken()
}

/** Writes one fact or event for each time that it is asked for the next. */
type Part = (recording: Recording, out: PacketWriter, processes: ProcessTracks) => Generator<void, void>

interface RunRow {
  readonly wall_clock_offset_ns: number
  readonly kernel_release: string
  readonly kernel_version: string
  readonly page_size_bytes: number
  readonly cpus: number
}

function begin(recording: Recording, out: PacketWriter): void {
  // As REAL: an offset of today is beyond 2^53 ns, and 256 ns are nothing beside what two clocks agree to.
  const [run] = recording.select<RunRow>(
    `SELECT CAST(r.wall_clock_offset_ns AS REAL) AS wall_clock_offset_ns,
            CAST(h.kernel_release AS TEXT) AS kernel_release, h.kernel_version, h.page_size_bytes, h.cpus
     FROM run r JOIN host h ON h.host = r.host ORDER BY r.run LIMIT 1`,
  )
  out.begin(spanOf(recording).beginNs, run.wall_clock_offset_ns)
  out.system(run.kernel_release, run.kernel_version, run.page_size_bytes, run.cpus)
}

/** A row of `recording`, with what cannot be a number of an event left out. */
function* rowsOf<Row>(recording: Recording, sql: string): Generator<Row> {
  const columns = recording.db.prepare(sql).columns()
  for (const row of recording.rows(sql))
    yield Object.fromEntries(
      columns.map(({ name }, i) => [name, typeof row[i] === 'bigint' ? Number(row[i]) : row[i]]),
    ) as Row
}

interface FindingRow {
  readonly rule: string
  readonly verdict: string
  readonly count: number
  readonly first_ns: number
  readonly last_ns: number
  readonly run: number
  readonly tgid: number
  readonly address: string
  readonly pfn: number
  readonly size: string
  readonly cause: string
  readonly taker: string | null
  readonly words: string
}

const findings: Part = function* (recording, out, processes) {
  const sql = `SELECT v.rule, v.verdict, v.count, v.first_ns, v.last_ns, e.run, v.tgid, v.address, v.pfn, v.size, v.cause,
                      v.taker, v.words
               FROM v_finding v JOIN evidence e ON e.finding = v.finding AND e.which = 'last' ORDER BY v.first_ns`
  for (const row of rowsOf<FindingRow>(recording, sql)) {
    const { rule, verdict, count, address, pfn, size, cause, words } = row
    const track = processes.track(row.run, row.tgid, 'findings')
    const details: Details = {
      verdict,
      count,
      address,
      pfn,
      size,
      cause,
      taker: row.taker ?? undefined,
      words,
    }
    const times = row.first_ns === row.last_ns ? [row.first_ns] : [row.first_ns, row.last_ns]
    for (const atNs of times) {
      yield
      out.instant(track, atNs, 'finding', `${rule} ${verdict}`, details)
    }
  }
}

interface GapRow {
  readonly run: number
  readonly reason: string
  readonly leg: string
  readonly events: number
  readonly from_ns: number
  readonly until_ns: number
}

const gaps: Part = function* (recording, out, processes) {
  const sql = 'SELECT run, reason, leg, events, from_ns, until_ns FROM gap ORDER BY from_ns'
  for (const { run, reason, leg, events, from_ns, until_ns } of rowsOf<GapRow>(recording, sql)) {
    yield
    const track = processes.lane(run, undefined, 'lost events', from_ns, until_ns)
    out.sliceBegin(track, from_ns, 'gap', leg === '' ? reason : `${reason}: ${leg}`, { events })
    out.sliceEnd(track, until_ns)
  }
}

interface ForkRow {
  readonly run: number
  readonly parent_tgid: number
  readonly child_tgid: number
  readonly from_ns: number
  readonly until_ns: number | null
}

const forks: Part = function* (recording, out, processes) {
  const sql = `SELECT m.run, f.parent_tgid, f.child_tgid, f.at_ns AS from_ns, c.ended_ns AS until_ns
               FROM fork f JOIN mm m ON m.mm = f.parent_mm LEFT JOIN mm c ON c.mm = f.child_mm ORDER BY f.at_ns`
  for (const { run, parent_tgid, child_tgid, from_ns, until_ns } of rowsOf<ForkRow>(recording, sql)) {
    yield
    const track = processes.lane(run, parent_tgid, 'forked, and sharing', from_ns, until_ns ?? Infinity)
    out.sliceBegin(track, from_ns, 'fork', `pid ${child_tgid}`, { child: child_tgid })
    if (until_ns !== null) out.sliceEnd(track, until_ns)
  }
}

interface PinRow {
  readonly run: number
  readonly tgid: number
  readonly address: string
  readonly pages: number
  readonly pfn: number
  readonly kind: string
  readonly foll: string | null
  readonly taker: string | null
  readonly from_ns: number
  readonly until_ns: number | null
  readonly ended_by: string | null
}

const pins: Part = function* (recording, out, processes) {
  const sql = `SELECT run, tgid, address, pages, pfn, kind, foll, taker, from_ns, until_ns, ended_by
               FROM v_pin ORDER BY from_ns`
  for (const row of rowsOf<PinRow>(recording, sql)) {
    yield
    // The end of a FOLL_GET is not seen: a moment, not a slice without an end.
    const details: Details = {
      address: row.address,
      pages: row.pages,
      pfn: row.pfn,
      foll: row.foll ?? undefined,
      ended_by: row.ended_by ?? undefined,
    }
    const name = row.taker ?? row.kind
    if (row.kind === 'get' && row.until_ns === null) {
      out.instant(processes.track(row.run, row.tgid, 'references'), row.from_ns, 'get', name, details)
      continue
    }
    const track = processes.lane(row.run, row.tgid, 'pinned', row.from_ns, row.until_ns ?? Infinity)
    out.sliceBegin(track, row.from_ns, row.kind, name, details)
    if (row.until_ns !== null) out.sliceEnd(track, row.until_ns)
  }
}

interface CopyRow {
  readonly run: number
  readonly at_ns: number
  readonly tgid: number | null
  readonly address: string
  readonly kind: string
  readonly from_pfn: number
  readonly to_pfn: number
  readonly bytes: number
}

const copies: Part = function* (recording, out, processes) {
  const sql = `SELECT m.run, c.at_ns, c.tgid, c.address, c.kind, c.from_pfn, c.to_pfn, c.copied_bytes AS bytes
               FROM v_copies c JOIN mm m ON m.mm = c.mm ORDER BY c.at_ns`
  for (const { run, at_ns, tgid, kind, ...details } of rowsOf<CopyRow>(recording, sql)) {
    yield
    out.instant(processes.track(run, tgid ?? undefined, 'copies'), at_ns, 'copy', kind, details)
  }
}

interface RateRow {
  readonly run: number
  readonly tgid: number
  readonly kind: number
  readonly outcome: number
  readonly second_ns: number
  readonly count: number
}

const SECOND_NS = 1e9

const rates: Part = function* (recording, out, processes) {
  const kinds = wordsOf(recording, 'kind')
  const outcomes = wordsOf(recording, 'outcome')
  const sql = `SELECT coalesce(m.run, 1) AS run, r.tgid, r.kind, r.outcome, r.second_ns,
                      max(sum(r.pages), sum(r.events)) AS count
               FROM rate r LEFT JOIN mm m ON m.mm = r.mm
               GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`
  let last: (RateRow & { readonly track: number }) | undefined
  for (const row of rowsOf<RateRow>(recording, sql)) {
    yield
    const name = [kinds(row.kind), row.outcome === 0 ? '' : outcomes(row.outcome)].join(' ').trimEnd()
    const track = processes.counter(row.run, row.tgid, `${name}, pages`, { name: 'pages/s' })
    // A second without a row had no event: without a zero the last value would seem to go on.
    if (last !== undefined && (last.track !== track || last.second_ns + SECOND_NS < row.second_ns))
      out.count(last.track, last.second_ns + SECOND_NS, 0)
    out.count(track, row.second_ns, row.count)
    last = { ...row, track }
  }
  if (last !== undefined) out.count(last.track, last.second_ns + SECOND_NS, 0)
}

const rareEvents: Part = function* (recording, out, processes) {
  const kinds = wordsOf(recording, 'kind')
  const outcomes = wordsOf(recording, 'outcome')
  for (const { run, events } of recording.events([
    'timeNs',
    'kind',
    'outcome',
    'tgid',
    'vpn',
    'oldPfn',
    'order',
  ]))
    for (let i = 0; i < events.length; i++) {
      if (!RARE.has(events.kind[i])) continue
      yield
      const kind = kinds(events.kind[i])
      const track = processes.track(run, events.tgid[i], 'events')
      out.instant(track, events.timeNs[i], kind, kind, {
        address: pageAddress(events.vpn[i]),
        pfn: events.oldPfn[i],
        order: events.order[i],
        outcome: outcomes(events.outcome[i]),
      })
    }
}
