import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'

import { CASE_MACHINE, type CaseMachine, type LabCase } from '../lab/cases.js'
import { LabError, reason } from '../lab/error.js'
import type { LabOutput } from './lab-run.js'
import { caseResults, cellsOf, findingLines, matrixPage, type Cell, type Column } from '../lab/matrix.js'

/** What `cowpath findings --json` prints of a recording. */
export type FindingsOf = (recording: string) => Promise<string>

/** A guest of the matrix, as options of `cowpath lab`. */
export interface MatrixGuest extends CaseMachine {
  readonly kernel: string
  readonly run: string
  readonly timeout: number
  readonly record?: string
  readonly json: false
}

/** Boots one guest, runs its line to the end, and gives back the exit status. */
type RunGuest = (guest: MatrixGuest, output: LabOutput) => Promise<number>

/** What one case may take; the slowest waits twice for its disk. */
const CASE_SECONDS = 60
const INTERRUPTED = 128

/**
 * Each of `cases` on every kernel, one guest a kernel; writes the page `out`. Where `findingsOf` is given each guest is
 * recorded and its findings are joined. Returns 0, or 1 where a case ended without a word or a verdict contradicts it.
 */
export async function runMatrix(
  cases: readonly LabCase[],
  { kernels, out }: { readonly kernels: readonly string[]; readonly out: string },
  runGuest: RunGuest,
  findingsOf: FindingsOf | undefined,
  output: LabOutput,
): Promise<number> {
  const columns: Column[] = []
  for (const series of kernels) {
    const column = await runColumn(series, cases, runGuest, findingsOf, output)
    if (typeof column === 'number') return column
    columns.push(column)
  }
  try {
    writeFileSync(out, matrixPage(cases, columns))
  } catch (thrown) {
    throw new LabError(`cannot write ${out}: ${reason(thrown)}. Choose another place with --out FILE`)
  }
  const cells = columns.flatMap((column) => [...column.cells.values()])
  const bad = cells.filter(isBad).length
  output.stdout.write(`cases=${cases.length} kernels=${columns.length} bad=${bad} page=${out}\n`)
  return bad === 0 ? 0 : 1
}

/** The column of one kernel, or the exit status with which a signal ends all of this. */
async function runColumn(
  series: string,
  cases: readonly LabCase[],
  runGuest: RunGuest,
  findingsOf: FindingsOf | undefined,
  output: LabOutput,
): Promise<Column | number> {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-matrix-'))
  try {
    const recording = join(folder, 'run.db')
    const said = new PassThrough()
    const all = text(said)
    said.pipe(output.stdout, { end: false })
    const guest: MatrixGuest = {
      ...CASE_MACHINE,
      kernel: series,
      run: guestLine(cases),
      timeout: cases.length * CASE_SECONDS,
      json: false,
      ...(findingsOf === undefined ? {} : { record: recording }),
    }
    const status = await runGuest(guest, { stdout: said, stderr: output.stderr }).finally(() => said.end())
    if (status > INTERRUPTED) return status
    const printed = await all
    const findings = findingsOf === undefined ? undefined : findingLines(await findingsOf(recording))
    return {
      series,
      release: /^RELEASE (\S+)$/m.exec(printed)?.[1] ?? series,
      cells: cellsOf(cases, caseResults(printed), findings),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One case after another, each with an end of its own; a case that fails does not stop the next. */
function guestLine(cases: readonly LabCase[]): string {
  const runs = cases.map(({ command }) => `timeout ${CASE_SECONDS} ${command.join(' ')}`)
  return ['echo "RELEASE $(uname -r)"', ...runs, 'true'].join('; ')
}

function isBad({ truth, agrees }: Cell): boolean {
  return truth === 'FAILED' || agrees === false
}
