import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { LabError, reason } from './error.js'
import { cacheDirectory } from './kernels.js'

const run = promisify(execFile)

/** Sources of guest programs, from tui/src/lab and tui/dist/lab alike. */
export const LAB_SOURCES = fileURLToPath(new URL('../../../agent/lab/', import.meta.url))

/** Programs that the guest itself is made of: no scenarios. */
const OWN: ReadonlySet<string> = new Set(['supervise', 'relay', 'flood_agent', 'snapshot'])

const CASE_SOURCES = join(LAB_SOURCES, 'cases')
const USER_SOURCES = join(LAB_SOURCES, 'users')

/** Names of the bundled scenarios, the families of cases apart. */
export function scenarioNames(): string[] {
  return [...programsIn(LAB_SOURCES), ...programsIn(USER_SOURCES)].filter((name) => !OWN.has(name)).sort()
}

/** Names of the programs that hold cases. */
export function caseFamilies(): string[] {
  return programsIn(CASE_SOURCES)
}

/**
 * Builds the C programs of agent/lab and of its folders cases and users, static, those whose source or headers are newer than what was
 * built; returns where each is.
 * @throws LabError where there is no compiler or it refuses.
 */
export async function buildScenarios(
  into = join(cacheDirectory(), 'scenarios'),
): Promise<Map<string, string>> {
  mkdirSync(into, { recursive: true })
  const built = new Map<string, string>()
  for (const folder of [LAB_SOURCES, CASE_SOURCES, USER_SOURCES]) {
    const headers = Math.max(newestHeader(LAB_SOURCES), newestHeader(folder))
    for (const name of programsIn(folder)) {
      const source = join(folder, `${name}.c`)
      const program = join(into, name)
      if (modified(program) < Math.max(modified(source), headers)) await compile(source, program)
      built.set(name, program)
    }
  }
  return built
}

async function compile(source: string, program: string): Promise<void> {
  const fresh = `${program}.${process.pid}`
  try {
    await run('gcc', ['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-o', fresh, source])
  } catch (thrown) {
    const why =
      thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
        ? 'there is no gcc'
        : reason(thrown)
    throw new LabError(`cannot build ${basename(source)} for the guest: ${why}. apt install gcc libc6-dev`)
  }
  renameSync(fresh, program)
}

function programsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.c'))
    .map((file) => basename(file, '.c'))
    .sort()
}

function newestHeader(folder: string): number {
  const headers = readdirSync(folder).filter((file) => file.endsWith('.h'))
  return Math.max(0, ...headers.map((file) => modified(join(folder, file))))
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
