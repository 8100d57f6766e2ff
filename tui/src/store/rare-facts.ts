import type Database from 'better-sqlite3'
import type { AgentInfo, LegBooks } from '../model/events.js'
import type { RareFact } from './messages.js'

/** Writes the facts of which there are few: runs, legs, address spaces, processes, forks, gaps. */
export class RareFactWriter {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(db: Database.Database) {
    this.#db = db
  }

  write(fact: RareFact): void {
    switch (fact.type) {
      case 'run':
        this.#started(fact.run, fact.agent, fact.firstSeq)
        return
      case 'legs':
        for (const leg of fact.legs) this.#leg(fact.run, leg)
        return
      case 'load': {
        const { timeNs, lastSeq, ringUsedBytes, ringSizeBytes, residentBytes, cpuNs } = fact.load
        this.#run(
          'INSERT INTO agent_load VALUES (?, ?, ?, ?, ?, ?, ?)',
          ...[fact.run, timeNs, lastSeq, ringUsedBytes, ringSizeBytes, residentBytes, cpuNs],
        )
        return
      }
      case 'mm': {
        const { mm, run, agentMm, parentMm, bornNs, bornBy } = fact.fact
        this.#run(
          'INSERT INTO mm (mm, run, agent_mm, parent_mm, born_ns, born_by) VALUES (?, ?, ?, nullif(?, 0), ?, ?)',
          ...[mm, run, agentMm, parentMm, bornNs, bornBy],
        )
        return
      }
      case 'mm-ended':
        this.#run('UPDATE mm SET ended_ns = ?, ended_seq = ? WHERE mm = ?', fact.timeNs, fact.seq, fact.mm)
        return
      case 'process': {
        const { tgid, parentTgid, mm, comm, startTimeNs, seenNs } = fact.fact
        this.#run(
          `INSERT INTO process (tgid, parent_tgid, mm, comm, start_time_ns, seen_ns)
           VALUES (?, ?, nullif(?, 0), ?, ?, ?)`,
          ...[tgid, parentTgid, mm, comm, startTimeNs, seenNs],
        )
        return
      }
      case 'fork': {
        const { parentMm, childMm, parentTgid, childTgid, timeNs, seq } = fact.fact
        this.#run(
          'INSERT INTO fork (parent_mm, child_mm, parent_tgid, child_tgid, at_ns, seq) VALUES (?, ?, ?, ?, ?, ?)',
          ...[parentMm, childMm, parentTgid, childTgid, timeNs, seq],
        )
        return
      }
      case 'gap': {
        const { run, reason, leg, count, firstSeq, lastSeq, fromNs, untilNs } = fact.fact
        this.#run(
          `INSERT INTO gap (run, reason, leg, events, first_seq, last_seq, from_ns, until_ns)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          ...[run, reason, leg, count, firstSeq, lastSeq, fromNs, untilNs],
        )
        return
      }
    }
  }

  #started(run: number, agent: AgentInfo, firstSeq: number): void {
    this.#run(
      `INSERT INTO host (hostname, kernel_release, kernel_version, kernel_boot_id, cpus, page_size_bytes)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[agent.hostname, agent.kernelRelease, agent.kernelVersion],
      ...[agent.kernelBootId, agent.cpus, agent.pageSize],
    )
    this.#run(
      `INSERT INTO run (run, host, boot_id, agent_version, wall_clock_offset_ns, first_seq)
       VALUES (?, (SELECT host FROM host WHERE kernel_boot_id = ? AND hostname = ?), ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...[run, agent.kernelBootId, agent.hostname, agent.bootId, agent.agentVersion],
      ...[agent.wallClockOffsetNs, firstSeq],
    )
    for (const leg of agent.legs) this.#leg(run, leg)
  }

  #leg(run: number, leg: LegBooks): void {
    this.#run(
      'INSERT OR REPLACE INTO leg VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[run, leg.name, leg.attached ? 1 : 0, leg.hook, JSON.stringify(leg.reasons)],
      ...[leg.seen, leg.submitted, leg.ringFull, leg.filtered, leg.throttled, leg.missed],
    )
  }

  #run(sql: string, ...values: readonly (string | number | bigint)[]): void {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    statement.run(...values)
  }
}
