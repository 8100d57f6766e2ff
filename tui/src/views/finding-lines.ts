import { Flag } from '../model/kinds.js'
import type { Evidence } from '../model/finding.js'
import { kindWord, outcomeWord } from './kind-words.js'
import { span, type Line } from './line.js'
import type { FindingRow } from './live-findings.js'
import { printable } from './printable.js'
import type { RuleText } from './rule-text.js'
import { count, duration, pageAddress, sinceBoot } from './units.js'
import { verdictRole } from './verdict-role.js'
import type { ViewOptions } from './view-options.js'
import { wrapped } from './wrapped.js'

/**
 * One finding, so that reading it is enough to explain it to a colleague: what happened, in the order in which it did; what
 * the rule says, where that comes from, and what this kernel promises.
 */
export function findingLines(
  finding: FindingRow,
  rule: RuleText | undefined,
  options: ViewOptions,
): readonly Line[] {
  const { width, charset } = options
  const text = (words: string, role: Line[number]['role'] = 'plain') =>
    wrapped(words, width).map((line) => [span(line, role)])
  const times = finding.count === 1 ? 'once' : `${count(finding.count)} times`
  const last =
    finding.last.seq === finding.first.seq
      ? []
      : [[], [span('Last time', 'title')], ...evidenceLines(finding.last, finding, options)]
  return [
    [
      span(`${finding.rule} ${rule?.name ?? ''}`.trim(), 'title'),
      span('  '),
      span(finding.verdict.toUpperCase(), verdictRole(finding.verdict)),
      span(`  ${times}, on ${finding.size} pages of ${owner(finding, charset)}`),
    ],
    [],
    ...(rule === undefined
      ? []
      : [
          [span('The rule', 'title')],
          ...text(rule.statement),
          ...text(`Source: ${rule.source}`, 'dim'),
          ...text(`This kernel: ${rule.promises[finding.size] ?? 'no word on pages of this size'}`),
          [],
        ]),
    ...text(`Cause: ${causeText(finding, charset)}`),
    ...consequence(finding).flatMap((words) => text(words)),
    [],
    [span(finding.last.seq === finding.first.seq ? 'What happened' : 'The first time', 'title')],
    ...evidenceLines(finding.first, finding, options),
    ...last,
  ]
}

function evidenceLines(
  evidence: Evidence,
  finding: FindingRow,
  { width, charset }: ViewOptions,
): readonly Line[] {
  const { reference } = evidence
  const frames =
    evidence.newPfn === 0 || evidence.newPfn === evidence.oldPfn
      ? `pfn ${evidence.oldPfn}`
      : `pfn ${evidence.oldPfn} to pfn ${evidence.newPfn}`
  const taken =
    reference === undefined
      ? []
      : [
          step(
            reference.takenNs,
            `pid ${reference.tgid}${named(finding.takerComm, charset)} takes a ${referenceWords(reference)} on ${pageAddress(reference.vpn)}` +
              (finding.taker === '' ? '' : `, in ${printable(called(finding.taker), charset)}`),
          ),
        ]
  const event = step(
    evidence.timeNs,
    `pid ${evidence.tgid}: ${kindWord(evidence.kind)}${outcomeWord(evidence.outcome)} at ${pageAddress(evidence.vpn)}, ${frames}`,
  )
  const counts =
    `refcount ${evidence.refcount}, mapcount ${evidence.mapcount}, pincount ${evidence.pincount}, ` +
    `${(evidence.flags & Flag.Exclusive) === 0 ? 'not ' : ''}exclusive` +
    (reference === undefined
      ? ''
      : `; the reference was ${duration(Math.max(0, evidence.timeNs - reference.takenNs))} old`)
  return [...taken, event, `${' '.repeat(16)}${counts}`, '', evidence.words].flatMap((words) =>
    wrapped(words, width, words.startsWith(' ') ? 16 : /^\s*\d+\.\d{6}/.test(words) ? 16 : 0).map((line) => [
      span(line),
    ]),
  )
}

/** A function of the kernel as one that is called; code in user mode is shown as it is. */
function called(taker: string): string {
  return taker.replace(/^[A-Za-z_]\w*(?= from |$)/, '$&()')
}

function causeText({ cause, causeTgid, causeComm }: FindingRow, charset: ViewOptions['charset']): string {
  return causeTgid === 0 ? cause : `${cause} by pid ${causeTgid}${named(causeComm, charset)}`
}

/** What it means for who owns the memory; nothing where the rule is not about what anybody sees. */
function consequence({ rule, verdict, last }: FindingRow): readonly string[] {
  const { reference } = last
  if (reference === undefined || verdict === 'unknown') return []
  if (rule === 'R06')
    return ['Whoever holds the reference sees what another process has written since: isolation is lost.']
  if (rule !== 'R05') return []
  return reference.write
    ? [
        'What the device writes lands in a frame that the owner no longer maps: the owner never sees it, and no error tells.',
      ]
    : [
        'Whoever reads through the reference sees the page as it was then, not what its owner has written since.',
      ]
}

function step(timeNs: number, words: string): string {
  return `${sinceBoot(timeNs).padStart(15)} ${words}`
}

function referenceWords({
  kind,
  write,
  longterm,
}: {
  kind: string
  write: boolean
  longterm: boolean
}): string {
  const how = kind === 'pin' ? 'FOLL_PIN' : 'FOLL_GET'
  return `${how} reference for ${write ? 'writing' : 'reading'}${longterm ? ', long-term' : ''}`
}

function owner({ tgid, comm }: FindingRow, charset: ViewOptions['charset']): string {
  return tgid === 0 ? 'an unknown process' : `pid ${tgid}${named(comm, charset)}`
}

function named(comm: string, charset: ViewOptions['charset']): string {
  return comm === '' ? '' : ` (${printable(comm, charset)})`
}
