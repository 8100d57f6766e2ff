import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Test support: the compiled program, as people run it. */
const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url))

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export function cowpath(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    input: '',
  })
  return { status, stdout, stderr }
}

/** Standard output as one JSON value. */
export function cowpathJson(...args: readonly string[]): unknown {
  const { stdout, stderr } = cowpath(...args, '--json')
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}
