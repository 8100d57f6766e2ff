/**
 * A recording as one page of HTML: no network, no script; to be read on a screen, on paper and aloud. Every part shows
 * the most important rows and counts the rest, so that it stays small however much was recorded.
 */
import type { Recording } from '../store/recording.js'
import { printable } from '../views/printable.js'
import { countColumn } from '../views/recorded/columns.js'
import type { RecordedFinding } from '../views/recorded/findings.js'
import { FORK_COLUMNS, type ForkCost } from '../views/recorded/forks.js'
import { ANOMALY_COLUMNS, GAP_COLUMNS, type AnomalyRow, type GapRow } from '../views/recorded/gaps.js'
import type { RuleText } from '../views/rule-text.js'
import type { Column } from '../views/table.js'
import { topProcessColumns, type TopProcess } from '../views/top.js'
import { count, duration, sinceBoot } from '../views/units.js'
import { findingSection, processWords } from './finding-section.js'
import { heatMap, type Span } from './heat-map.js'
import { html, type Html } from './html.js'
import { LEG_COLUMNS, type LegRow } from './legs.js'
import { PIN_AGE_COLUMNS, type PinAgeRow } from './pin-ages.js'
import { STYLE } from './style.js'
import { htmlTable, restOf } from './table.js'

interface RunRow {
  readonly run: number
  readonly hostname: string
  readonly kernel_release: string
  readonly agent_version: string
}

interface Totals {
  readonly events: number
  readonly pages: number
  readonly copies: number
  readonly findings: number
  readonly lost: number
}

/** What the rules say and what a kernel of this release promises. */
export type RulesOf = (kernelRelease: string) => readonly RuleText[]

const FINDINGS = 40
const ROWS = 30
const NO_LIMIT = -1

/** The whole page. Throws a CowpathError where the recording is damaged. */
export function report(recording: Recording, name: string, rulesOf: RulesOf): string {
  const runs = recording.ask<RunRow>('runs', {})
  const rules = new Map(runs.map(({ run, kernel_release }) => [run, rulesOf(kernel_release)]))
  const findings = recording.ask<RecordedFinding>('findings', {
    least: 0,
    verdict: null,
    rule: null,
    tgid: null,
    since_ns: null,
    until_ns: null,
    limit: NO_LIMIT,
  })
  const [span = { from_ns: 0, until_ns: 0 }] = recording.ask<Span>('span', {})
  return `<!DOCTYPE html>\n${html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
      <title>cowpath: ${printable(name)}</title>
      <style>
        ${STYLE}
      </style>
    </head>
    <body>
      <header><h1>cowpath: ${printable(name)}</h1></header>
      <nav aria-label="Parts">
        <ul>
          ${PARTS.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
        </ul>
      </nav>
      <main>
        ${part('summary', summary(recording, runs, span, findings))}
        ${part('findings', findingsPart(recording, findings, rules))}
        ${part('heat', heatMap(recording, span))} ${part('forks', forks(recording))}
        ${part('pins', pins(recording))} ${part('unseen', unseen(recording))}
      </main>
    </body>
  </html>`.toString()}\n`
}

const PARTS = [
  ['summary', 'Summary'],
  ['findings', 'Findings'],
  ['heat', 'Copies over address space and time'],
  ['forks', 'Forks and what they cost'],
  ['pins', 'How long pages were held, by taker'],
  ['unseen', 'What was not seen'],
] as const

function part(id: (typeof PARTS)[number][0], content: Html): Html {
  const title = PARTS.find(([name]) => name === id)?.[1] ?? id
  return html`<section id="${id}" aria-labelledby="${id}-head">
    <h2 id="${id}-head">${title}</h2>
    ${content}
  </section>`
}

function summary(
  recording: Recording,
  runs: readonly RunRow[],
  span: Span,
  findings: readonly RecordedFinding[],
): Html {
  const [totals] = recording.ask<Totals | undefined>('totals', {})
  const hosts = runs
    .slice(0, ROWS)
    .map(
      ({ run, hostname, kernel_release, agent_version }) =>
        html`<li>
          run ${run}: ${printable(hostname)}, kernel ${printable(kernel_release)}, agent
          ${printable(agent_version)}
        </li>`,
    )
  const verdicts = [...new Set(findings.map(({ verdict }) => verdict))].map(
    (verdict) => `${count(findings.filter((row) => row.verdict === verdict).length)} ${verdict}`,
  )
  const top = recording.ask<TopProcess>('top-processes', { by: 'copies', limit: ROWS })
  return html`<ul>
      ${hosts}
    </ul>
    ${restOf(runs.length - hosts.length)}
    <dl>
      <dt>Time</dt>
      <dd>
        ${sinceBoot(span.from_ns)} s to ${sinceBoot(span.until_ns)} s since boot
        (${duration(span.until_ns - span.from_ns)})
      </dd>
      <dt>Events</dt>
      <dd>${count(totals?.events ?? 0)}; lost: ${count(totals?.lost ?? 0)}</dd>
      <dt>Pages, and copies of them</dt>
      <dd>${count(totals?.pages ?? 0)} pages, ${count(totals?.copies ?? 0)} edges of lineage</dd>
      <dt>Findings</dt>
      <dd>${verdicts.length === 0 ? 'none' : verdicts.join(', ')}</dd>
    </dl>
    ${htmlTable(topProcessColumns(top), top, { caption: `Processes by copies (at most ${ROWS})`, empty: 'Nothing was copied.' })}`
}

function findingsPart(
  recording: Recording,
  findings: readonly RecordedFinding[],
  rules: ReadonlyMap<number, readonly RuleText[]>,
): Html {
  if (findings.length === 0) return html`<p>The rules found nothing.</p>`
  const shown = findings.slice(0, FINDINGS)
  const links = shown.map(
    ({ finding, rule, verdict, tgid, comm }) =>
      html`<li><a href="#finding-${finding}">${rule}, ${verdict}: ${processWords(tgid, comm)}</a></li>`,
  )
  const sections = shown.map((finding) =>
    findingSection(
      recording,
      finding,
      rules.get(finding.run ?? 0)?.find(({ rule }) => rule === finding.rule),
    ),
  )
  return html`<ol>
      ${links}
    </ol>
    ${restOf(findings.length - shown.length)} ${sections}`
}

function forks(recording: Recording): Html {
  const rows = recording.ask<ForkCost>('forks', { limit: NO_LIMIT })
  return htmlTable(FORK_COLUMNS, rows.slice(0, ROWS), {
    caption: 'Bytes that parent and child copied while the child lived',
    empty: 'Nothing was forked.',
    total: rows.length,
  })
}

function pins(recording: Recording): Html {
  const rows = recording.ask<PinAgeRow>('pin-ages', { limit: ROWS })
  return html`${htmlTable(PIN_AGE_COLUMNS, rows, {
      caption: 'References by how long they were held; where the end was not seen, until the recording ended',
      empty: 'Nothing was pinned.',
      total: rows.at(0)?.takers ?? 0,
    })}
    <p>Of a FOLL_GET the end is not seen: its age is how old it may be, not how long it was held.</p>`
}

interface UnknownRow {
  readonly rule: string
  readonly size: string
  readonly checked: number
  readonly unknown: number
}

const UNKNOWN_COLUMNS: readonly Column<UnknownRow>[] = [
  {
    id: 'rule',
    title: 'RULE',
    align: 'left',
    width: 4,
    grow: 0,
    dropOrder: 0,
    text: ({ rule }) => printable(rule),
  },
  {
    id: 'size',
    title: 'SIZE',
    align: 'left',
    width: 10,
    grow: 0,
    dropOrder: 0,
    text: ({ size }) => printable(size),
  },
  countColumn('checked', 'CHECKED', 0, ({ checked }) => checked),
  countColumn('unknown', 'COULD NOT SAY', 0, ({ unknown }) => unknown),
]

function unseen(recording: Recording): Html {
  const gaps = recording.ask<GapRow>('gaps', { limit: NO_LIMIT })
  const anomalies = recording.ask<AnomalyRow>('anomalies', { limit: ROWS })
  const legs = recording.ask<LegRow>('legs', {})
  const unknown = recording.ask<UnknownRow>('rule-counts', { rule: null }).filter((row) => row.unknown > 0)
  return html`<p>Nothing is concluded from what may be hidden here: rules answer unknown.</p>
    ${htmlTable(GAP_COLUMNS, gaps.slice(0, ROWS), { caption: 'Spans in which events were lost', empty: 'No event was lost.', total: gaps.length })}
    ${htmlTable(LEG_COLUMNS, legs.slice(0, 8 * ROWS), { caption: 'Books of the legs: seen = submitted + ring full + filtered + throttled + missed', empty: 'No leg told its books.', total: legs.length })}
    ${htmlTable(UNKNOWN_COLUMNS, unknown, { caption: 'Rules that could not always say', empty: 'Every check of a rule had an answer.' })}
    ${htmlTable(ANOMALY_COLUMNS, anomalies, { caption: 'What events said that cannot be', empty: 'No event contradicted another.' })}`
}
