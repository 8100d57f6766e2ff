/** Guests for tests: run one workload to its end and hold what it said. */
import { text } from 'node:stream/consumers'

import { bootLab, type LabOptions } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { survived } from './whole.js'

/** Kernels on which every claim is tried: the oldest and the newest of the everyday ones. */
export const KERNELS = ['6.1', '7.2'] as const

export interface Run {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Boots `series`, runs the workload without an agent, and shuts down. A guest that dies by itself is booted again. */
export async function runInGuest(
  series: string,
  workload: readonly string[],
  options: Partial<LabOptions> = {},
): Promise<Run> {
  return survived(async () => runOnce(series, workload, options))
}

async function runOnce(
  series: string,
  workload: readonly string[],
  options: Partial<LabOptions>,
): Promise<Run> {
  const kernel = await resolveKernel({ kernel: series }, () => undefined)
  const guest = await bootLab({ kernel, files: [], workload, ...options })
  try {
    const output = Promise.all([text(guest.stdout), text(guest.stderr)])
    guest.start()
    const status = await guest.waitExit()
    const [stdout, stderr] = await output
    return { status, stdout, stderr }
  } finally {
    await guest.shutdown()
  }
}

/** What a step of a script printed under a word: of lines `STEP WORD TEXT` the texts. */
export function ofStep(output: string, step: string, word: string): string[] {
  const start = `${step} ${word} `
  return output.split('\n').flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []))
}

/** The JSON lines among what a workload printed, those that have `key`. */
export function jsonLines<T>(output: string, key: keyof T & string): T[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as T) // printed by our own scenarios
    .filter((one) => Object.hasOwn(one as object, key))
}
