import type Database from 'better-sqlite3'
import { COUNTER_NAMES, type CountersChange } from '../model/counts.js'
import type { AgentInfo, LegBooks } from '../model/events.js'
import { Cause, PinEnd } from '../model/facts.js'
import { VERDICTS, type Evidence, type Finding, type Reference } from '../model/finding.js'
import type { RareFact } from './messages.js'

const INSERT_COUNTER = `INSERT OR REPLACE INTO counter
  (run, tgid, start_time_ns, comm, ended, told_ns, ${COUNTER_NAMES.join(', ')})
  VALUES (${Array<string>(6 + COUNTER_NAMES.length)
    .fill('?')
    .join(', ')})`

/** Writes the facts of which there are few: runs, legs, address spaces, processes, forks, gaps, stacks, findings. */
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
      case 'counters':
        this.#counters(fact.run, fact.change)
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
      case 'vma': {
        const { vma, mm, vpn, pages, flags, mapping, fromNs, fromSeq } = fact.fact
        this.#run(
          `INSERT INTO vma (vma, mm, vpn, pages, flags, mapping, from_ns, from_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          ...[vma, mm, vpn, pages, flags, mapping, fromNs, fromSeq],
        )
        return
      }
      case 'vma-ended':
        this.#run('UPDATE vma SET until_ns = ?, until_seq = ? WHERE vma = ?', fact.timeNs, fact.seq, fact.vma)
        return
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
          `INSERT INTO gap (run, reason, leg, events, first_seq, last_seq, from_ns, until_ns, after_seq)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          ...[run, reason, leg, count, firstSeq, lastSeq, fromNs, untilNs, fact.afterSeq],
        )
        return
      }
      case 'stacks':
        for (const { stack, taker, frames } of fact.stacks)
          this.#run(
            'INSERT INTO stack (run, stack, taker, frames) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
            ...[fact.run, stack, taker, JSON.stringify(frames)],
          )
        return
      case 'forgotten':
        this.#run(
          'UPDATE mapping SET until_ns = max(from_ns, ?), until_cause = ?, until_seq = ? WHERE until_ns IS NULL',
          ...[fact.timeNs, Cause.Forgotten, fact.seq],
        )
        this.#run(
          'UPDATE pin SET until_ns = max(from_ns, ?), until_seq = ?, ended_by = ? WHERE until_ns IS NULL',
          ...[fact.timeNs, fact.seq, PinEnd.Forgotten],
        )
        return
      case 'findings-anew':
        for (const table of ['evidence', 'finding', 'rule_count']) this.#run(`DELETE FROM ${table}`)
        return
      case 'finding':
        this.#finding(fact.finding)
        return
      case 'rule-counts':
        for (const { rule, size, checked, held, broken, unknown } of fact.counts)
          this.#run(
            `INSERT OR REPLACE INTO rule_count (run, rule, size, checked, held, broken, unknown)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
            ...[fact.run, rule, size, checked, held, broken, unknown],
          )
        return
      case 'anomaly':
        this.#run(
          `INSERT INTO anomaly (run, name, count, first_ns, first_seq) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (run, name) DO UPDATE SET count = count + excluded.count`,
          ...[fact.run, fact.name, fact.count, fact.timeNs, fact.seq],
        )
        return
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
      `INSERT INTO run (run, host, boot_id, agent_version, wall_clock_offset_ns, first_seq, stacks, one_page_in)
       VALUES (?, (SELECT host FROM host WHERE kernel_boot_id = ? AND hostname = ?), ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...[run, agent.kernelBootId, agent.hostname, agent.bootId, agent.agentVersion],
      ...[agent.wallClockOffsetNs, firstSeq, agent.stacks ?? '', agent.onePageIn ?? 1],
    )
    for (const leg of agent.legs) this.#leg(run, leg)
  }

  #finding({ first, last, ...told }: Finding): void {
    const { finding, rule, verdict, count, firstNs, lastNs, mm, tgid, size, cause, causeTgid } = told
    this.#run(
      `INSERT INTO finding (finding, rule, verdict, count, first_ns, last_ns, mm, tgid, size, cause, cause_tgid)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (finding) DO UPDATE SET rule = excluded.rule, verdict = excluded.verdict, count = excluded.count,
         first_ns = excluded.first_ns, last_ns = excluded.last_ns, mm = excluded.mm, tgid = excluded.tgid,
         size = excluded.size, cause = excluded.cause, cause_tgid = excluded.cause_tgid`,
      ...[finding, rule, VERDICTS.indexOf(verdict), count, firstNs, lastNs, mm, tgid, size, cause, causeTgid],
    )
    this.#evidence(finding, 'first', first)
    this.#evidence(finding, 'last', last)
  }

  #evidence(finding: number, which: 'first' | 'last', evidence: Evidence): void {
    const { run, seq, timeNs, kind, outcome, tgid, tid, mm, vpn, oldPfn, newPfn, flags } = evidence
    const { refcount, mapcount, pincount, reference, words } = evidence
    this.#run(
      `INSERT OR REPLACE INTO evidence VALUES (${Array<string>(27).fill('?').join(', ')})`,
      ...[finding, which, run, seq, timeNs, kind, outcome, tgid, tid, mm, vpn, oldPfn, newPfn, flags],
      ...[refcount, mapcount, pincount, ...referenceValues(reference), words],
    )
  }

  #counters(run: number, { timeNs, changed, gone }: CountersChange): void {
    for (const { tgid, startTimeNs } of gone)
      this.#run(
        'DELETE FROM counter WHERE run = ? AND tgid = ? AND start_time_ns = ?',
        ...[run, tgid, startTimeNs],
      )
    for (const { tgid, startTimeNs, comm, ended, counts } of changed)
      this.#run(
        INSERT_COUNTER,
        ...[
          run,
          tgid,
          startTimeNs,
          comm,
          ended ? 1 : 0,
          timeNs,
          ...COUNTER_NAMES.map((name) => counts[name]),
        ],
      )
  }

  #leg(run: number, leg: LegBooks): void {
    this.#run(
      'INSERT OR REPLACE INTO leg VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[run, leg.name, leg.attached ? 1 : 0, leg.hook, JSON.stringify(leg.reasons)],
      ...[leg.seen, leg.submitted, leg.ringFull, leg.filtered, leg.throttled, leg.missed],
    )
  }

  #run(sql: string, ...values: readonly (string | number | bigint | null)[]): void {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    statement.run(...values)
  }
}

/** In the order of the columns of `evidence`, from `pin` on. */
function referenceValues(reference: Reference | undefined): readonly (string | number | null)[] {
  if (reference === undefined) return Array<null>(9).fill(null)
  const { pin, kind, write, longterm, stack, tgid, mm, vpn, takenNs } = reference
  return [pin, kind, write ? 1 : 0, longterm ? 1 : 0, stack, tgid, mm, vpn, takenNs]
}
