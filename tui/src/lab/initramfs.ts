import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { cpio, type Entry } from './cpio.js'
import { programKind } from './elf.js'
import { LabError, reason } from './error.js'
import type { Module } from './modules.js'
import { buildScenarios, LAB_SOURCES } from './scenarios.js'

/** What the guest is to hold and do. */
export interface GuestPlan {
  readonly modules: readonly Module[]
  /** The agent's binary on this host; absent: a guest without an agent. */
  readonly agent?: string
  /** Files to bring along: `FILE` or `FILE:GUESTPATH`. */
  readonly files: readonly string[]
  /** The command, one word an element; found in the guest's PATH, where scenarios and files are too. */
  readonly workload: readonly string[]
  /** Kernel function whose entries are counted per process beside the agent. */
  readonly count?: string
  /** Size of a swap device in compressed memory, as `64M`. */
  readonly swap?: string
  /** Whether /dev/vda is to be mounted on /data. */
  readonly mountsDisk?: boolean
  /** Whether that disk, which must then be one of systemd's own (`systemd`), becomes the guest's root. */
  readonly bootsSystemd?: boolean
}

const EXECUTABLE = 0o100755

/** The guest's first file system, packed. */
export async function initramfs(plan: GuestPlan): Promise<Buffer> {
  const entries: Entry[] = [
    { path: 'init', mode: EXECUTABLE, data: readFileSync(join(LAB_SOURCES, 'init')) },
    { path: 'bin/busybox', mode: EXECUTABLE, data: readFileSync(busybox()) },
    { path: 'lab/under-systemd', mode: EXECUTABLE, data: readFileSync(join(LAB_SOURCES, 'under-systemd')) },
    { path: 'lab/count', mode: EXECUTABLE, data: readFileSync(join(LAB_SOURCES, 'count')) },
    { path: 'lab/plan', mode: EXECUTABLE, data: Buffer.from(planFile(plan)) },
    { path: 'lab/workload', mode: EXECUTABLE, data: Buffer.from(plan.workload.map(word).join('')) },
  ]
  for (const [name, path] of await buildScenarios()) {
    const own = name === 'supervise' || name === 'relay'
    entries.push({ path: `${own ? 'lab' : 'bin'}/${name}`, mode: EXECUTABLE, data: readFileSync(path) })
  }
  for (const { name, object } of plan.modules)
    entries.push({ path: `lab/modules/${name}.ko`, mode: EXECUTABLE, data: object })
  if (plan.agent !== undefined)
    entries.push({ path: 'bin/cowpath-agent', mode: EXECUTABLE, data: readAgent(plan.agent) })
  for (const file of plan.files) entries.push(readAdded(file))
  try {
    return gzipSync(cpio(entries), { level: 1 })
  } catch (thrown) {
    throw new LabError(`cannot pack the guest's files: ${reason(thrown)}. Check --add`)
  }
}

function planFile({ modules, agent, count, swap, mountsDisk, bootsSystemd }: GuestPlan): string {
  if (count !== undefined && !/^\w+$/.test(count)) {
    throw new LabError(`cannot count ${count}: not a kernel function's name. Example: --count do_wp_page`)
  }
  return [
    `MODULES='${modules.map(({ name }) => `${name}.ko`).join(' ')}'`,
    `AGENT=${agent === undefined ? '-' : '/bin/cowpath-agent'}`,
    `COUNT=${count ?? ''}`,
    `NETWORK=${agent === undefined ? '' : 'yes'}`,
    `SWAP=${swap ?? ''}`,
    `DATA=${mountsDisk === true ? '/dev/vda' : ''}`,
    `SYSTEMD=${bootsSystemd === true ? 'yes' : ''}`,
    '',
  ].join('\n')
}

function word(text: string): string {
  if (!text.includes('\n') && !text.includes('\0')) return `${text}\n`
  throw new LabError(
    'a word of the workload holds a line break, which the guest cannot be told. Put it in a script: --add',
  )
}

function busybox(): string {
  const path = ['/bin/busybox', '/usr/bin/busybox'].find((one) => existsSync(one))
  if (path !== undefined && programKind(readFileSync(path)) === 'static') return path
  throw new LabError('the guest needs a static busybox, and this host has none. apt install busybox-static')
}

function readAgent(path: string): Buffer {
  const bytes = readFile(path, 'the agent', 'Build it: npm run build')
  if (programKind(bytes) === 'static') return bytes
  throw new LabError(
    `the agent ${path} is not a static program: the guest has no libraries. Build it: npm run build`,
  )
}

function readAdded(given: string): Entry {
  const colon = given.lastIndexOf(':/')
  const file = colon > 0 ? given.slice(0, colon) : given
  const path = colon > 0 ? given.slice(colon + 1) : `/bin/${basename(given)}`
  const data = readFile(file, 'a file to add', 'Check --add')
  const kind = programKind(data)
  if (kind === 'dynamic') {
    throw new LabError(
      `cannot add ${file}: it is linked dynamically, and the guest has no libraries. Link it with -static`,
    )
  }
  if (kind === 'foreign')
    throw new LabError(`cannot add ${file}: it is built for another machine than x86-64`)
  return { path, mode: EXECUTABLE, data }
}

function readFile(path: string, what: string, todo: string): Buffer {
  try {
    if (statSync(path).isFile()) return readFileSync(path)
  } catch (thrown) {
    throw new LabError(`cannot read ${what}: ${reason(thrown)}. ${todo}`)
  }
  throw new LabError(`cannot read ${what}: ${path} is not a file. ${todo}`)
}
