/**
 * What tracing adds to write faults, GUP, fork and splits, in instructions: stock kernels in the lab under -icount, where
 * a nanosecond of the guest is an instruction. Beside bpftrace with a script that reads the same fields, in the same
 * boot, where this host can make it a disk (mmdebstrap and e2fsprogs). And what the agent itself takes there.
 *
 * Usage: node tui/dist/bench/kernel.js [KERNEL..] [OPERATION..]
 *
 * Operations are those of agent/lab/bench_ops.c (`faults`, `gup1`, ..), all where none is named.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findProgram, requireAgent } from '../commands/agent-binary.js'
import { bootLab } from '../lab/guest.js'
import { cacheDirectory, resolveKernel } from '../lab/kernels.js'
import { LAB_SOURCES } from '../lab/scenarios.js'
import { printTable, type Row } from './table.js'

/** Name of a figure of bench_ops, and what it is. */
const OPERATIONS: readonly (readonly [figure: string, what: string])[] = [
  ['copy', 'write fault that copies'],
  ['reuse', 'write fault that reuses'],
  ['gup1', 'long-term pin of 1 page (io_uring)'],
  ['gup16', 'long-term pin of 16 pages'],
  ['gup512', 'long-term pin of 512 pages'],
  ['fast1', 'fast GUP of 1 page (vmsplice)'],
  ['fast16', 'fast GUP of 16 pages'],
  ['fork10000', 'fork of 10,000 pages'],
  ['split_pmd', 'split of a PMD (mprotect)'],
  ['split_folio', 'split of a THP (MADV_COLD)'],
]

/** A case of bench_ops.sh, and its column. `peer`: the case of bpftrace that it is to be held against. */
interface Variant {
  readonly name: string
  readonly column: string
  readonly peer?: string
}

const VARIANTS: readonly Variant[] = [
  { name: 'off', column: 'other, no counters' },
  { name: 'counters', column: 'counters only' },
  { name: 'other', column: 'other', peer: 'bpftrace_other' },
  { name: 'target', column: 'target', peer: 'bpftrace' },
  { name: 'bpftrace_other', column: 'bpftrace other' },
  { name: 'bpftrace', column: 'bpftrace target' },
]

/** Of what is printed. */
export const KERNEL_TITLE =
  'instructions of an operation, not traced; added by an agent on another process without counters, without a target, on another process, on this one, and by bpftrace (share of bpftrace)'

/** Nanoseconds, which are instructions, by name of the figure. */
type Costs = ReadonlyMap<string, number>

/** A disk with bpftrace 0.23 on it, of Debian 13; made once. Undefined: it cannot be made here. */
function bpftraceDisk(): string | undefined {
  const image = join(cacheDirectory(), 'bpftrace-trixie.img')
  if (existsSync(image)) return image
  if (findProgram('mmdebstrap', process.env) === null || findProgram('mke2fs', process.env) === null)
    return undefined
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  try {
    const root = join(folder, 'root')
    const packages = '--include=bash,coreutils,bpftrace'
    execFileSync('mmdebstrap', ['--quiet', '--variant=extract', packages, 'trixie', root], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    // bpftrace runs a shell when it begins.
    if (!existsSync(join(root, 'bin/sh'))) symlinkSync('bash', join(root, 'bin/sh'))
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', root, join(folder, 'img'), '900M'])
    execFileSync('cp', ['--sparse=always', join(folder, 'img'), `${image}.new`])
    renameSync(`${image}.new`, image)
    return image
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The last round of each case, and the CPU time of what listened. */
async function measure(series: string, disk: string | undefined, operations: readonly string[]) {
  const kernel = await resolveKernel({ kernel: series }, () => undefined)
  const guest = await bootLab({
    kernel,
    icount: true,
    memory: '1500M',
    files: [
      requireAgent(process.env),
      ...['bench_ops.sh', 'bench_ops.bt'].map((name) => join(LAB_SOURCES, name)),
    ],
    workload: ['sh', '/bin/bench_ops.sh', ...operations],
    ...(disk === undefined ? {} : { disk, modules: ['ext4', 'virtio_blk'] }),
  })
  try {
    const output = text(guest.stdout)
    guest.start()
    await guest.waitExit()
    return { release: kernel.release, output: await output }
  } finally {
    await guest.shutdown()
  }
}

/** By case, the figures of all its lines. */
function casesOf(output: string): ReadonlyMap<string, Costs> {
  const found = new Map<string, Map<string, number>>()
  for (const [, name = '', json = ''] of output.matchAll(/^(\w+) (?:\w+ )?(\{.*\})$/gm)) {
    const figures = JSON.parse(json) as Record<string, number | string> // by bench_ops and bench_ops.sh
    const known = found.get(name) ?? new Map<string, number>()
    for (const [figure, value] of Object.entries(figures))
      if (typeof value === 'number') known.set(figure, value)
    found.set(name, known)
  }
  return found
}

/** What each variant adds to an operation, and its share of what its peer adds. */
function operation(cases: ReadonlyMap<string, Costs>, figure: string, what: string): Row {
  const cost = (name: string): number => cases.get(name)?.get(figure) ?? NaN
  const added = (name: string): number => cost(name) - cost('alone')
  const told = ({ name, column, peer }: Variant): string => {
    if (Number.isNaN(added(name))) return `${column}: not measured`
    const share = peer === undefined ? NaN : added(name) / added(peer)
    return `${column} +${Math.round(added(name))}${Number.isFinite(share) ? ` (${share.toFixed(2)})` : ''}`
  }
  return { what, figure: String(Math.round(cost('alone'))), beside: VARIANTS.map(told).join(', ') }
}

/** What the agent itself took while it traced another process, and this one. */
function agentRows(cases: ReadonlyMap<string, Costs>): readonly Row[] {
  const other = cases.get('other')
  const target = cases.get('target')
  const rows: readonly (readonly [what: string, value: number | undefined, unit: string])[] = [
    ['agent: start-up, M instructions', (other?.get('start_cpu_ns') ?? NaN) / 1e6, ''],
    ['agent: largest resident, MiB', (other?.get('peak_kb') ?? NaN) / 1024, ''],
    ['agent: resident when idle, MiB', (other?.get('idle_kb') ?? NaN) / 1024, ''],
    [
      'agent: idle, of a CPU of 1,000 M instructions a second',
      (other?.get('idle_cpu_ns') ?? NaN) / 1e7,
      ' %',
    ],
    ['agent: its own work for each copying fault of a target', target?.get('copy_beside'), ''],
  ]
  return rows.map(([what, value, unit]) => ({
    what,
    figure:
      value === undefined || Number.isNaN(value)
        ? 'not measured'
        : `${value >= 100 ? Math.round(value) : value.toFixed(2)}${unit}`,
  }))
}

/** A row for each operation: alone, and what the variants add. */
export async function benchKernel(
  series: string,
  operations: readonly string[] = [],
): Promise<readonly Row[]> {
  const { release, output } = await measure(series, bpftraceDisk(), operations)
  const cases = casesOf(output)
  if (!cases.has('alone')) throw new Error(`the benchmarks said nothing on ${series}:\n${output}`)
  const measured = OPERATIONS.filter(([figure]) => cases.get('alone')?.has(figure))
  const rows = measured.map(([figure, what]) => operation(cases, figure, what))
  return [...rows, ...agentRows(cases)].map((row) => ({ ...row, what: `${release}: ${row.what}` }))
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const given = process.argv.slice(2)
  const kernels = given.filter((word) => /^\d/.test(word))
  const operations = given.filter((word) => !kernels.includes(word))
  for (const series of kernels.length > 0 ? kernels : ['6.1', '7.2'])
    printTable(KERNEL_TITLE, await benchKernel(series, operations))
}
