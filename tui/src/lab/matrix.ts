import { isAlarm } from '../model/finding.js'
import type { LabCase, Meaning } from './cases.js'

export type Truth = 'COHERENT' | 'DIVERGED' | 'LEAKED' | 'SKIPPED'

/** What a case said of itself, in its one line. */
export interface CaseResult {
  readonly name: string
  readonly truth: Truth
  readonly why: string
  /** Absent where the case was skipped before it had a page. */
  readonly pid?: number
}

/** Of a finding what tells whether it is about a case, and what it says; as `cowpath findings --json` prints it. */
export interface FindingLine {
  readonly rule: string
  readonly verdict: string
  readonly pid: number
  readonly ppid: number
  readonly reference?: { readonly pid: number } | null
}

/** A case on one kernel: what memory held, what cowpath said. */
export interface Cell {
  readonly truth: Truth | 'FAILED'
  readonly why: string
  /** The strongest that was said of the case's processes; `nothing` where that is no more than advice. */
  readonly verdict?: Said
  /** Whether what was said is what the truth asks for; absent where nobody was asked. */
  readonly agrees?: boolean
}

export type Said = 'violation' | 'hazard' | 'self-inflicted' | 'measured' | 'nothing'

const LINE = /^CASE (\S+): (\w+) (.*?)(?:; pid=(\d+) ppid=.*)?$/
/** By falling alarm. */
const STRENGTH: readonly Said[] = ['violation', 'hazard', 'self-inflicted', 'measured']
/** The rules that say whether memory diverged or leaked, and the advice that the owner did it. */
const JUDGING: ReadonlySet<string> = new Set(['R05', 'R06', 'A03'])

/** The CASE lines of what programs printed. */
export function caseResults(output: string): CaseResult[] {
  return output.split('\n').flatMap((line) => {
    const [, name = '', truth = '', why = '', pid = ''] = LINE.exec(line) ?? []
    if (!isTruth(truth)) return []
    return [{ name, truth, why, ...(pid === '' ? {} : { pid: Number(pid) }) }]
  })
}

/** The findings of `cowpath findings --json`, one object a line; lines that are none are left out. */
export function findingLines(printed: string): FindingLine[] {
  return printed.split('\n').flatMap((line) => {
    const value = parsed(line)
    return isFindingLine(value) ? [value] : []
  })
}

/** The cells of one kernel, in the order of the cases. Without `findings` only the truth is known. */
export function cellsOf(
  cases: readonly LabCase[],
  results: readonly CaseResult[],
  findings?: readonly FindingLine[],
): Map<string, Cell> {
  const byName = new Map(results.map((result) => [result.name, result]))
  return new Map(cases.map((one) => [one.name, cellOf(one, byName.get(one.name), findings)]))
}

function cellOf(
  { means }: LabCase,
  result: CaseResult | undefined,
  findings: readonly FindingLine[] | undefined,
): Cell {
  if (result === undefined) return { truth: 'FAILED', why: 'the case ended without a word' }
  const { truth, why, pid } = result
  if (findings === undefined || truth === 'SKIPPED' || pid === undefined) return { truth, why }
  const verdict = saidOf(pid, findings)
  return { truth, why, verdict, agrees: agrees(truth, means, verdict) }
}

/** The strongest verdict on a case: its process, its children, and what others hold of it. */
function saidOf(pid: number, findings: readonly FindingLine[]): Said {
  const about = findings.filter(
    (one) => JUDGING.has(one.rule) && (one.pid === pid || one.ppid === pid || one.reference?.pid === pid),
  )
  return STRENGTH.find((verdict) => about.some((one) => one.verdict === verdict)) ?? 'nothing'
}

function agrees(truth: Truth, means: Meaning, said: Said): boolean {
  const alarmed = isAlarm({ verdict: said })
  if (truth === 'COHERENT') return !alarmed
  return means === 'hazard' ? alarmed : said === means
}

/** A kernel's column: its series, its release, its cells by the names of cases. */
export interface Column {
  readonly series: string
  readonly release: string
  readonly cells: ReadonlyMap<string, Cell>
}

/** The matrix as a Markdown page. */
export function matrixPage(cases: readonly LabCase[], columns: readonly Column[]): string {
  const rows = cases.map(({ name, means }) => {
    const cells = columns.map(({ cells }) => cellText(cells.get(name)))
    return `| \`${name}\` | ${means} | ${cells.join(' | ')} |`
  })
  const reasons = cases.flatMap(({ name }) => columns.flatMap((column) => reasonLines(name, column)))
  return [
    '# Scenarios by kernel: truth and verdict',
    '',
    'Written by `cowpath lab --matrix`. Each cell: what the program of `agent/lab/cases` found in its own memory, and after',
    'the arrow what `cowpath findings` says of its processes; no arrow: nobody was asked. **!** marks a verdict that',
    'the truth contradicts. "means" is what is to be said where memory diverges or leaks.',
    '',
    `| case | means | ${columns.map(({ series }) => series).join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(columns.length)}`,
    ...rows,
    '',
    `Kernels: ${columns.map(({ series, release }) => `${series} is ${release}`).join(', ')}.`,
    '',
    '## What the programs said',
    '',
    ...reasons,
    '',
  ].join('\n')
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  const said = cell.verdict === undefined ? '' : ` → ${cell.verdict}`
  return `${cell.truth.toLowerCase()}${said}${cell.agrees === false ? ' **!**' : ''}`
}

function reasonLines(name: string, { series, cells }: Column): string[] {
  const cell = cells.get(name)
  if (cell === undefined || cell.truth === 'COHERENT') return []
  return [`- \`${name}\` on ${series}: ${cell.truth.toLowerCase()}: ${cell.why}`]
}

function isTruth(word: string): word is Truth {
  return word === 'COHERENT' || word === 'DIVERGED' || word === 'LEAKED' || word === 'SKIPPED'
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isFindingLine(value: unknown): value is FindingLine {
  if (typeof value !== 'object' || value === null) return false
  const { rule, verdict, pid, ppid, reference } = value as Partial<Record<keyof FindingLine, unknown>> // any object may be read so
  const isReference =
    reference === undefined ||
    reference === null ||
    (typeof reference === 'object' && 'pid' in reference && typeof reference.pid === 'number')
  return [rule, verdict].every(isText) && [pid, ppid].every(isNumber) && isReference
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isNumber = (value: unknown): boolean => typeof value === 'number'
