import { kindName, outcomeName } from './kind-names.js'
import { Foll } from '../model/kinds.js'
import type { FindingRow } from './live-findings.js'
import type { PinRow } from './live-pins.js'
import { NO_COUNTS, type Counts, type LiveSnapshot } from './live-snapshot.js'
import { busiest } from './processes.js'
import { pageAddress } from './units.js'

/** How many rows of each list a line of `live --json` carries. */
const ROWS = 20

/** The live screen as one JSON value: same content, units in the names, text from outside unescaped but for JSON's own. */
export function liveJson(snapshot: LiveSnapshot): object {
  const { agent, connection } = snapshot
  return {
    connection: connection.state,
    endpoint: connection.endpoint,
    host: agent?.hostname ?? null,
    kernel: agent?.kernelRelease ?? null,
    legs: snapshot.legs.map(({ name, attached, hook, reasons }) => ({ name, attached, hook, reasons })),
    host_time_ns: snapshot.hostTimeNs,
    lag_ns: snapshot.lagNs,
    lost: {
      ring: snapshot.lost.ring,
      not_entered: snapshot.lost['not-entered'],
      client_queue: snapshot.lost['client-queue'],
      replay: snapshot.lost.replay,
    },
    totals: countsJson(snapshot.totals),
    last_second: countsJson(snapshot.seconds[snapshot.seconds.length - 1] ?? NO_COUNTS),
    processes: busiest(snapshot.processes)
      .slice(0, ROWS)
      .map((row) => ({ pid: row.tgid, comm: row.comm, ...countsJson(row) })),
    latest: snapshot.latest.slice(0, ROWS).map((event) => ({
      seq: event.seq,
      time_ns: event.timeNs,
      pid: event.tgid,
      comm: event.comm,
      kind: kindName(event.kind),
      outcome: outcomeName(event.kind, event.outcome),
      address: pageAddress(event.vpn),
      old_pfn: event.oldPfn,
      new_pfn: event.newPfn,
      refcount: event.refcount,
      mapcount: event.mapcount,
    })),
    verdicts: snapshot.verdicts,
    findings: snapshot.findings.slice(0, ROWS).map((row) => findingRowJson(row, snapshot)),
    findings_beyond: snapshot.findingsBeyond,
    rules: snapshot.rules.map(({ rule, checked, held, broken, unknown }) => ({
      rule,
      checked,
      held,
      broken,
      unknown,
    })),
    pinned_pages: snapshot.pinnedPages,
    pins: snapshot.pins.rows.slice(0, ROWS).map(pinJson),
    pages: snapshot.pages.slice(0, ROWS).map((page) => ({
      pid: page.tgid,
      comm: page.comm,
      address: pageAddress(page.vpn),
      pfn: page.pfn,
      faults: page.faults,
      copies: page.copies,
      reuses: page.reuses,
      last_ns: page.lastNs,
    })),
    forks: snapshot.forks.slice(0, ROWS).map((row) => ({
      pid: row.tgid,
      comm: row.comm,
      child_pid: row.childTgid,
      at_ns: row.atNs,
      ended_ns: row.untilNs,
      parent_copies: row.parentCopies,
      child_copies: row.childCopies,
      early: row.early,
      copied_bytes: row.bytes,
    })),
    huge: snapshot.huge.slice(0, ROWS).map((row) => ({
      pid: row.tgid,
      comm: row.comm,
      cause: row.cause,
      pmd_splits: row.pmdSplits,
      folio_splits: row.folioSplits,
      refused: row.refused,
      collapses: row.collapses,
      last_ns: row.lastNs,
    })),
  }
}

/** Named as in `cowpath findings --json`. */
export function findingRowJson(row: FindingRow, { processes }: LiveSnapshot): object {
  const { last } = row
  const { reference } = last
  return {
    finding: row.finding,
    rule: row.rule,
    verdict: row.verdict,
    count: row.count,
    first_ns: row.firstNs,
    last_ns: row.lastNs,
    pid: row.tgid,
    ppid: processes.find(({ tgid }) => tgid === row.tgid)?.parentTgid ?? null,
    comm: row.comm,
    mm: row.mm,
    address: pageAddress(last.vpn),
    pfn: last.oldPfn,
    size: row.size,
    cause: row.cause,
    cause_pid: row.causeTgid === 0 ? null : row.causeTgid,
    reference:
      reference === undefined
        ? null
        : {
            kind: reference.kind,
            write: reference.write,
            longterm: reference.longterm,
            taker: row.taker === '' ? null : row.taker,
            pid: reference.tgid,
            comm: row.takerComm,
            taken_ns: reference.takenNs,
          },
    words: last.words,
  }
}

function pinJson(pin: PinRow): object {
  return {
    pid: pin.tgid,
    comm: pin.comm,
    owner_pid: pin.ownerTgid,
    taker: pin.taker === '' ? null : pin.taker,
    kind: (pin.foll & Foll.Pin) === 0 ? 'get' : 'pin',
    write: (pin.foll & Foll.Write) !== 0,
    longterm: (pin.foll & Foll.Longterm) !== 0,
    pages: pin.pages,
    address: pageAddress(pin.vpn),
    pfn: pin.pfn,
    from_ns: pin.fromNs,
  }
}

function countsJson(counts: Counts): object {
  return {
    events: counts.events,
    faults: counts.faults,
    copies: counts.copies,
    copied_bytes: counts.copiedBytes,
    reuses: counts.reuses,
    forks: counts.forks,
  }
}
