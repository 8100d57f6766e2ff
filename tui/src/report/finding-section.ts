import { Flag } from '../model/kinds.js'
import type { Recording } from '../store/recording.js'
import { kindWord, outcomeWord } from '../views/kind-words.js'
import { printable } from '../views/printable.js'
import type { RecordedFinding } from '../views/recorded/findings.js'
import { referenceText } from '../views/recorded/columns.js'
import type { RuleText } from '../views/rule-text.js'
import { count, duration, pageAddress, sinceBoot } from '../views/units.js'
import { html, type Html } from './html.js'
import { lineageGraph } from './lineage.js'

/** A row of db/queries/finding-evidence.sql. */
interface EvidenceRow {
  readonly which: 'first' | 'last'
  readonly seq: number
  readonly time_ns: number
  readonly kind: number
  readonly outcome: number
  readonly tgid: number
  readonly mm: number
  readonly vpn: number
  readonly old_pfn: number
  readonly new_pfn: number
  readonly flags: number
  readonly refcount: number
  readonly mapcount: number
  readonly pincount: number
  readonly reference_kind: string | null
  readonly reference_write: number | null
  readonly reference_longterm: number | null
  readonly reference_tgid: number | null
  readonly reference_vpn: number | null
  readonly reference_taken_ns: number | null
  readonly taker: string | null
  readonly frames: string | null
  readonly words: string
}

/** Shapes beside the words: a verdict is known by neither colour nor shape alone. */
const SIGNS: Readonly<Record<string, string>> = {
  violation: '■',
  hazard: '▲',
  'self-inflicted': '◆',
  advice: '○',
  measured: '○',
  unknown: '?',
}

/** One finding: what happened in the order in which it did, what the rule says, what the kernel promises, whence the page came. */
export function findingSection(
  recording: Recording,
  finding: RecordedFinding,
  rule: RuleText | undefined,
): Html {
  const evidence = recording.ask<EvidenceRow>('finding-evidence', { finding: finding.finding })
  const shown = evidence.filter(({ which, seq }) => which === 'first' || seq !== evidence[0].seq)
  const last = evidence.at(-1)
  const times = finding.count === 1 ? 'once' : `${count(finding.count)} times`
  const id = `finding-${finding.finding}`
  return html`<article
    id="${id}"
    aria-labelledby="${id}-head"
    class="${VERDICT_CLASSES.has(finding.verdict) ? finding.verdict : 'unknown'}"
  >
    <h3 id="${id}-head">
      <span aria-hidden="true">${SIGNS[finding.verdict] ?? '?'}</span> ${finding.rule} ${rule?.name ?? ''}:
      ${finding.verdict}
    </h3>
    <p>
      ${times}, on ${finding.size} pages of ${processWords(finding.tgid, finding.comm)}; cause:
      ${printable(finding.cause)}${finding.cause_tgid === null ? '' : ` by ${processWords(finding.cause_tgid, finding.cause_comm)}`}.
    </p>
    ${rule === undefined ? html`<p>This cowpath does not know the rule.</p>` : ruleWords(rule, finding.size)}
    ${shown.map((row) => timeline(row, shown.length > 1))}
    ${
      last === undefined
        ? html`<p>No evidence is stored.</p>`
        : html`<h4>Lineage of the page</h4>
            ${lineageGraph(recording, { finding: finding.finding, mm: last.mm, vpn: last.vpn, at_ns: last.time_ns })}`
    }
  </article>`
}

const VERDICT_CLASSES: ReadonlySet<string> = new Set(Object.keys(SIGNS))

function ruleWords(rule: RuleText, size: string): Html {
  const promise = Object.entries(rule.promises).find(([name]) => name === size)?.[1]
  return html`<dl>
    <dt>The rule</dt>
    <dd>${rule.statement}</dd>
    <dt>Source</dt>
    <dd>${rule.source}</dd>
    <dt>This kernel</dt>
    <dd>${promise ?? 'no word on pages of this size'}</dd>
  </dl>`
}

function timeline(row: EvidenceRow, isOneOfTwo: boolean): Html {
  const title = !isOneOfTwo ? 'What happened' : row.which === 'first' ? 'The first time' : 'The last time'
  const frames =
    row.new_pfn === 0 || row.new_pfn === row.old_pfn
      ? `pfn ${row.old_pfn}`
      : `pfn ${row.old_pfn} to pfn ${row.new_pfn}`
  const age =
    row.reference_taken_ns === null
      ? ''
      : `; the reference was ${duration(Math.max(0, row.time_ns - row.reference_taken_ns))} old`
  return html`<h4>${title}</h4>
    <ol>
      ${takenStep(row)}
      <li>
        <b>${sinceBoot(row.time_ns)} s</b> pid ${row.tgid}: ${kindWord(row.kind)}${outcomeWord(row.outcome)}
        at ${pageAddress(row.vpn)}, ${frames} (event ${row.seq})<br />
        refcount ${row.refcount}, mapcount ${row.mapcount}, pincount ${row.pincount},
        ${(row.flags & Flag.Exclusive) === 0 ? 'not exclusive' : 'exclusive'}${age}
      </li>
    </ol>
    <p class="words">${printable(row.words)}</p>`
}

function takenStep(row: EvidenceRow): Html {
  if (row.reference_taken_ns === null || row.reference_tgid === null) return html``
  const reference = referenceText({
    kind: row.reference_kind,
    write: row.reference_write,
    longterm: row.reference_longterm,
    taker: row.taker,
    frames: row.frames,
  })
  const where = row.reference_vpn === null ? '' : ` on ${pageAddress(row.reference_vpn)}`
  return html`<li>
    <b>${sinceBoot(row.reference_taken_ns)} s</b> pid ${row.reference_tgid} takes a reference${where}:
    ${printable(reference ?? '')}
  </li>`
}

export function processWords(tgid: number | null, comm: string | null): string {
  if (tgid === null || tgid === 0) return 'an unknown process'
  return comm === null || comm === '' ? `pid ${tgid}` : `pid ${tgid} (${printable(comm)})`
}
