/**
 * What tracing adds to write faults, GUP, fork and splits, in instructions: stock kernels in the lab under -icount, where a nanosecond of the
 * guest is an instruction. Beside bpftrace with a script that reads the same fields, in the same boot, where this host
 * can make it a disk (mmdebstrap and e2fsprogs).
 *
 * Usage: node tui/dist/bench/kernel.js [KERNEL..]
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

/** Name of a figure of bench_cow or bench_ops, and what it is. */
const OPERATIONS: readonly (readonly [figure: string, what: string])[] = [
  ['copy_own_ns', 'write fault that copies'],
  ['reuse_own_ns', 'write fault that reuses'],
  ['gup1', 'long-term pin of 1 page (io_uring)'],
  ['gup16', 'long-term pin of 16 pages'],
  ['gup512', 'long-term pin of 512 pages'],
  ['fast1', 'get_user_pages_fast of 1 page (vmsplice)'],
  ['fast16', 'get_user_pages_fast of 16 pages'],
  ['fork10000', 'fork of 10,000 pages'],
  ['split', 'split of a THP'],
]

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
async function measure(series: string, disk: string | undefined) {
  const kernel = await resolveKernel({ kernel: series }, () => undefined)
  const guest = await bootLab({
    kernel,
    icount: true,
    memory: '1500M',
    files: [
      requireAgent(process.env),
      ...['bench.sh', 'bench_cow.bt', 'bench_ops.bt'].map((name) => join(LAB_SOURCES, name)),
    ],
    workload: ['sh', '/bin/bench.sh'],
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

/** By case: alone, target, other, bpftrace. */
function costs(output: string): ReadonlyMap<string, Costs> {
  const found = new Map<string, Map<string, number>>()
  for (const [, name = '', json = ''] of output.matchAll(/^(\w+) (\{.*\})$/gm)) {
    const figures = JSON.parse(json) as Record<string, number> // by bench_cow and bench_ops
    const known = found.get(name) ?? new Map<string, number>()
    for (const [figure, ns] of Object.entries(figures)) known.set(figure, ns)
    found.set(name, known)
  }
  return found
}

/** A row for each operation: alone, then what is added by an agent on another process, by one on this, by bpftrace. */
export async function benchKernel(series: string): Promise<readonly Row[]> {
  const { release, output } = await measure(series, bpftraceDisk())
  const all = costs(output)
  const alone = all.get('alone')
  if (alone === undefined) throw new Error(`the benchmarks said nothing on ${series}:\n${output}`)
  return OPERATIONS.map(([figure, what]) => {
    const base = alone.get(figure) ?? NaN
    const added = (name: string): number => (all.get(name)?.get(figure) ?? NaN) - base
    const told = (ns: number): string => (Number.isNaN(ns) ? 'not measured' : `+${Math.round(ns)}`)
    const bpftrace = added('bpftrace')
    const share = Number.isNaN(bpftrace) ? '' : `, ${(added('target') / bpftrace).toFixed(2)} of it`
    return {
      what: `${release}: ${what}`,
      figure: `${Math.round(base)}, other ${told(added('other'))}, target ${told(added('target'))}`,
      beside: `bpftrace ${told(bpftrace)}${share}`,
    }
  })
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const chosen = process.argv.slice(2)
  for (const series of chosen.length > 0 ? chosen : ['6.1', '7.2'])
    printTable('instructions added', await benchKernel(series))
}
