/**
 * What a recording of ten million events answers, and how fast: opening it, a page's history, findings, top, forks, pins, and
 * judging it again; in a process of its own, so that its memory is that of a reader. The recording is made once and kept.
 *
 * Usage: node tui/dist/bench/queries.js [EVENTS]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { History } from '../history/history.js'
import { concludeAgain } from '../pipeline/conclude-again.js'
import { NO_FACTS } from '../model/facts.js'
import { NO_FINDINGS } from '../pipeline/conclusions.js'
import { Judges } from '../pipeline/judges.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import { sourceOf } from '../commands/page.js'
import { SCHEMA_VERSION } from '../store/format.js'
import { Recording } from '../store/recording.js'
import { pageView } from '../views/page.js'
import { recordWorkload } from './record-workload.js'
import { benchFolder } from './stream-file.js'
import { printTable, type Row } from './table.js'

const PAGES_ASKED = 50
const RUNS = 5

/** The recording of so many events, made where there is none of today's schema. */
async function recordingOf(events: number): Promise<string> {
  const path = join(benchFolder(), `recording-${SCHEMA_VERSION}-${events}.db`)
  if (existsSync(path)) return path
  const part = `${path}.part`
  for (const left of [part, `${part}-wal`, `${part}-shm`]) rmSync(left, { force: true })
  await recordWorkload(part, events)
  renameSync(part, path)
  return path
}

/** Asks in another process, whose memory is that of a reader alone. */
export async function benchQueries(events: number): Promise<readonly Row[]> {
  const path = await recordingOf(events)
  const answer = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--ask', path], {
    encoding: 'utf8',
  })
  return JSON.parse(answer) as readonly Row[] // what ask() wrote
}

function ask(path: string): readonly Row[] {
  const openings: Time[] = []
  for (let run = 0; run < RUNS; run++)
    openings.push(
      timed(() => {
        Recording.open(path).close()
      }),
    )
  const recording = Recording.open(path)
  const events = recording.ask<{ readonly events: number }>('totals', {})[0].events
  const rows: Row[] = [
    {
      what: 'size',
      figure: `${(statSync(path).size / events).toFixed(1)} B`,
      beside: `an event, ${events} events`,
    },
    row('open', openings, 100),
  ]
  rows.push(row(`page, ${PAGES_ASKED} pages of live processes`, pages(recording), 5))
  const questions = [
    [
      'findings',
      { least: 0, verdict: null, rule: null, tgid: null, since_ns: null, until_ns: null, limit: 100 },
      20,
    ],
    ['top-processes', { by: 'copies', limit: 20 }, 50],
    ['top-vmas', { by: 'copies', limit: 20, since_ns: null, until_ns: null }, 50],
    ['top-sites', { by: 'copies', limit: 20, since_ns: null, until_ns: null }, 50],
    ['top-pages', { limit: 20 }, 50],
    ['forks', { limit: 20 }, 50],
    ['pins', { which: 'outstanding', gets: 0, at_ns: null, limit: 20 }, 50],
    ['pins-by-taker', { limit: 20 }, 50],
    ['totals', {}, undefined],
    ['heat', { bin_ns: 16e9, limit: 24 }, undefined],
  ] as const
  for (const [query, parameters, aim] of questions) {
    const times: Time[] = []
    for (let run = 0; run < RUNS; run++) times.push(timed(() => recording.ask(query, parameters)))
    rows.push(row(query, times, aim))
  }
  rows.push({
    what: 'resident memory of the reader until here',
    figure: `${residentMb()} MB`,
    beside: 'aim 200 MB',
  })
  const judging = timed(() => {
    const judges = new Judges(rulesUnder(), NO_FINDINGS)
    concludeAgain(recording, new History(NO_FACTS, { judge: judges }), judges)
  })
  rows.push({
    what: 'check',
    figure: `${(events / judging.ms / 1e3).toFixed(3)} M/s`,
    beside: `${(events / judging.cpuMs / 1e3).toFixed(3)} M/s of processor time of all threads, aim 0.8 M/s`,
  })
  recording.close()
  return rows
}

/** Every so-manieth page of those that were copied last. */
function pages(recording: Recording): readonly Time[] {
  const [last] = recording.select<{ readonly frame: number }>('SELECT max(frame) AS frame FROM frame')
  const targets = recording.select<{ readonly tgid: number; readonly vpn: number }>(
    `SELECT DISTINCT m.tgid, f.vpn FROM frame f JOIN v_mm m ON m.mm = f.mm
     WHERE f.frame > ${last.frame - 40 * PAGES_ASKED} AND f.frame % 40 = 0 LIMIT ${PAGES_ASKED}`,
  )
  return targets.map((target) => timed(() => pageView(sourceOf(recording), target)))
}

/** By the clock, and by the processor: what a busy machine would have taken if it were idle. */
interface Time {
  readonly ms: number
  readonly cpuMs: number
}

function timed(work: () => unknown): Time {
  const from = process.hrtime.bigint()
  const used = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(used)
  return { ms: Number(process.hrtime.bigint() - from) / 1e6, cpuMs: (user + system) / 1e3 }
}

/** Medians, and the worst. */
function row(what: string, times: readonly Time[], aim: number | undefined): Row {
  const byClock = times.map(({ ms }) => ms).sort((a, b) => a - b)
  const byCpu = times.map(({ cpuMs }) => cpuMs).sort((a, b) => a - b)
  const words = [
    `${byCpu[byCpu.length >> 1].toFixed(1)} ms of processor time`,
    `worst of ${times.length}: ${byClock[byClock.length - 1].toFixed(1)} ms`,
    ...(aim === undefined ? [] : [`aim ${aim} ms`]),
  ]
  return { what, figure: `${byClock[byClock.length >> 1].toFixed(1)} ms`, beside: words.join(', ') }
}

function residentMb(): string {
  return (process.memoryUsage().rss / 1024 / 1024).toFixed(0)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--ask') process.stdout.write(JSON.stringify(ask(process.argv[3])))
  else printTable('a recording asked', await benchQueries(Number(process.argv[2] ?? 10_000_000)))
}
