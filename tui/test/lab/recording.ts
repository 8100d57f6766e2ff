/** Recordings for tests, whole ones, made and asked by the commands themselves. */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { jsonLines } from './guest-run.js'
import { untilWhole } from './whole.js'

const COWPATH = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const LIMITS = { maxBuffer: 64 << 20 }
const run = promisify(execFile)

export interface Recording {
  readonly db: string
  /** What the workload printed. */
  readonly stdout: string
}

/**
 * Runs `cowpath lab` with these words and records it. `workload` is `--run LINE`, or `--` and a command. Gaps of these legs
 * count, and those of no leg; of all legs where none is named. Throws if no recording is whole, or the workload fails.
 */
export async function recordWhole(
  options: readonly string[],
  workload: readonly string[],
  { legs = [], env = {} }: { readonly legs?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Recording> {
  return untilWhole(async () => {
    const db = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'run.db')
    const words = [COWPATH, 'lab', ...options, '--record', db, ...workload]
    const { stdout } = await run(process.execPath, words, { ...LIMITS, env: { ...process.env, ...env } })
    const gaps = await query<Gap>(db, 'SELECT reason, leg, events FROM gap', 'reason')
    const lost = gaps
      .filter(({ leg }) => legs.length === 0 || leg === '' || legs.includes(leg))
      .map(({ reason, leg, events }) => `${reason} ${leg} ${events}`)
    return { made: { db, stdout }, lost }
  })
}

interface Gap {
  readonly reason: string
  readonly leg: string
  readonly events: number
}

/** Rows of a recording; `key` is a column of theirs. */
export async function query<T>(db: string, sql: string, key: keyof T & string): Promise<T[]> {
  const { stdout } = await run(process.execPath, [COWPATH, 'sql', db, sql, '--json'], LIMITS)
  return jsonLines<T>(stdout, key)
}
