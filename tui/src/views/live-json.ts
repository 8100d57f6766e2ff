import { kindName, outcomeName } from './kind-names.js'
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
