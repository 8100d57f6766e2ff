/**
 * What tracing adds to a write fault, in instructions: stock kernels in the lab under -icount, where a nanosecond of the
 * guest is an instruction. Beside bpftrace with a script that reads the same fields, in the same boot, where this host
 * can make it a disk (mmdebstrap and e2fsprogs).
 *
 * Usage: node tui/dist/bench/kernel.js
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

interface Cost {
  readonly copy: number
  readonly reuse: number
}

/** A disk with bpftrace on it, of this host's own Debian release; made once. Undefined: it cannot be made here. */
function bpftraceDisk(): string | undefined {
  const image = join(cacheDirectory(), 'bpftrace.img')
  if (existsSync(image)) return image
  if (findProgram('mmdebstrap', process.env) === null || findProgram('mke2fs', process.env) === null)
    return undefined
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-bench-'))
  try {
    const root = join(folder, 'root')
    const packages = '--include=bash,coreutils,bpftrace'
    execFileSync('mmdebstrap', ['--quiet', '--variant=extract', packages, 'bookworm', root], {
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
    files: [requireAgent(process.env), join(LAB_SOURCES, 'bench_cow.sh'), join(LAB_SOURCES, 'bench_cow.bt')],
    workload: ['sh', '/bin/bench_cow.sh'],
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

function costs(output: string): ReadonlyMap<string, Cost> {
  const found = new Map<string, Cost>()
  for (const [, name, json] of output.matchAll(/^(\w+) (\{.*\})$/gm)) {
    const { copy_own_ns: copy, reuse_own_ns: reuse } = JSON.parse(json) as Record<string, number> // by bench_cow
    found.set(name, { copy, reuse })
  }
  return found
}

export async function benchKernel(series: string): Promise<readonly Row[]> {
  const disk = bpftraceDisk()
  const { release, output } = await measure(series, disk)
  const all = costs(output)
  const alone = all.get('alone')
  if (alone === undefined) throw new Error(`bench_cow said nothing on ${series}:\n${output}`)
  const row = (name: string, what: string): Row => {
    const cost = all.get(name)
    const added = (with_: number, without: number) => `+${Math.round(with_ - without)}`
    return {
      what: `${release}: ${what}`,
      figure:
        cost === undefined
          ? 'not measured'
          : `${added(cost.copy, alone.copy)} / ${added(cost.reuse, alone.reuse)}`,
    }
  }
  return [
    {
      what: `${release}: copying / reusing write fault, not traced`,
      figure: `${Math.round(alone.copy)} / ${Math.round(alone.reuse)}`,
    },
    row('other', 'the agent traces another process'),
    row('target', 'the agent traces this one'),
    {
      ...row('bpftrace', 'bpftrace traces this one, the same fields'),
      ...(disk === undefined ? { beside: 'needs mmdebstrap and e2fsprogs' } : {}),
    },
  ]
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  for (const series of ['6.1', '7.2']) printTable('instructions added', await benchKernel(series))
