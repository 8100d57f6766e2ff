import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { cacheDirectory } from './kernels.js'
import type { Accelerator } from './qemu.js'

/**
 * Accelerators to try, best first. `/dev/kvm` may be there and a guest on it still never start (nested machines), so
 * what was learnt is kept until this host boots again. `COWPATH_ACCEL=tcg|kvm` decides instead.
 */
export function accelerators(env = process.env): readonly Accelerator[] {
  const set = env['COWPATH_ACCEL']
  if (set === 'kvm' || set === 'tcg') return [set]
  return kvmIsOpen() && !kvmFailedBefore() ? ['kvm', 'tcg'] : ['tcg']
}

/** Remembers that a guest printed nothing under KVM. */
export function rememberKvmFails(): void {
  try {
    mkdirSync(cacheDirectory(), { recursive: true })
    writeFileSync(noteFile(), bootId())
  } catch {
    // Only a hint: without it the next boot tries KVM again.
  }
}

function kvmFailedBefore(): boolean {
  try {
    return readFileSync(noteFile(), 'utf8') === bootId()
  } catch {
    return false
  }
}

function kvmIsOpen(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

function noteFile(): string {
  return join(cacheDirectory(), 'kvm-fails')
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
