import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { cacheDirectory } from '../lab/kernels.js'
import { bytes } from '../views/units.js'
import { findProgram } from './agent-binary.js'

/** One thing that was looked at. */
export interface Check {
  readonly name: string
  /** `ok`; `note`: works, but worth knowing; `missing`: something does not work, see `todo`. */
  readonly verdict: 'ok' | 'note' | 'missing'
  readonly says: string
  /** What to do about it; empty where nothing is to be done. */
  readonly todo: string
}

/** Node's version must be one that the pinned packages were made for (package.json, engines). */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const fits = major > 20 || (major === 20 && minor >= 19)
  return {
    name: 'node',
    verdict: fits ? 'ok' : 'missing',
    says: version,
    todo: fits ? '' : 'install Node 20.19 or newer',
  }
}

export function checkKernel(): Check {
  const missing = process.platform !== 'linux' || process.arch !== 'x64'
  return {
    name: 'kernel',
    verdict: missing ? 'missing' : 'ok',
    says: `${process.platform} ${release()} on ${process.arch}`,
    todo: missing ? 'run cowpath on x86-64 Linux' : '',
  }
}

/** Type information of the running kernel, which the BPF programs are fitted to. */
export function checkBtf(path = '/sys/kernel/btf/vmlinux'): Check {
  const found = existsSync(path)
  return {
    name: 'btf',
    verdict: found ? 'ok' : 'missing',
    says: found ? path : `no ${path}`,
    todo: found ? '' : 'boot a kernel built with CONFIG_DEBUG_INFO_BTF, or trace in the lab: cowpath lab',
  }
}

const CAP_PERFMON = 38n
const CAP_BPF = 39n

/** Loading BPF programs takes CAP_BPF and CAP_PERFMON (capabilities(7)); root has them unless they were taken. */
export function checkPrivilege(status = readText('/proc/self/status')): Check {
  const effective = BigInt('0x' + (/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'))
  const has = ((effective >> CAP_BPF) & 1n) === 1n && ((effective >> CAP_PERFMON) & 1n) === 1n
  return {
    name: 'privilege',
    verdict: has ? 'ok' : 'missing',
    says: has ? 'CAP_BPF and CAP_PERFMON' : 'without CAP_BPF and CAP_PERFMON',
    todo: has ? '' : 'run the agent as root',
  }
}

/** Lockdown in confidentiality mode forbids reading kernel memory from BPF (kernel/bpf, LOCKDOWN_BPF_READ_KERNEL). */
export function checkLockdown(text = readText('/sys/kernel/security/lockdown')): Check {
  const mode = /\[(\w+)\]/.exec(text)?.[1] ?? 'none'
  const forbids = mode === 'confidentiality'
  return {
    name: 'lockdown',
    verdict: forbids ? 'missing' : 'ok',
    says: mode,
    todo: forbids ? 'boot without lockdown=confidentiality, or trace in the lab: cowpath lab' : '',
  }
}

/** What the lab boots kernels with. */
export function checkLab(env: NodeJS.ProcessEnv): readonly Check[] {
  const kvm = canUseKvm()
  return [
    checkProgram('qemu', 'qemu-system-x86_64', 'qemu-system-x86', env),
    checkProgram('busybox', 'busybox', 'busybox-static', env),
    checkProgram('gpgv', 'gpgv', 'gpgv', env),
    checkKernelCache(join(cacheDirectory(env), 'kernels')),
    {
      name: 'kvm',
      verdict: kvm ? 'ok' : 'note',
      says: kvm
        ? '/dev/kvm may be used'
        : '/dev/kvm may not be used: the lab emulates in software, which is slower',
      todo: '',
    },
  ]
}

/** Kernels that the lab has fetched already: booting one of them needs no network. */
export function checkKernelCache(folder: string): Check {
  const series = existsSync(folder)
    ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'manifest.json')))
    : []
  return {
    name: 'kernels',
    verdict: series.length > 0 ? 'ok' : 'note',
    says: series.length > 0 ? `cached: ${series.sort().join(', ')}` : `none cached in ${folder}`,
    todo: series.length > 0 ? '' : 'the first cowpath lab fetches one from the mirror that apt uses',
  }
}

function checkProgram(name: string, program: string, debianPackage: string, env: NodeJS.ProcessEnv): Check {
  const path = findProgram(program, env)
  return {
    name,
    verdict: path === null ? 'missing' : 'ok',
    says: path ?? `no ${program} in $PATH`,
    todo: path === null ? `the lab needs it: apt-get install ${debianPackage}` : '',
  }
}

function canUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Below this much free space a note is worth its line. */
const LITTLE_SPACE_BYTES = 1024 ** 3

export function checkDisk(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder)
  const freeBytes = bavail * bsize
  const little = freeBytes < LITTLE_SPACE_BYTES
  return {
    name: 'disk',
    verdict: little ? 'note' : 'ok',
    says: `${bytes(freeBytes)} free for recordings in this folder`,
    todo: little ? 'record to another disk: record OUT.db' : '',
  }
}

/** A file's text; empty where it is not there or may not be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
