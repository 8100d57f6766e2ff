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
const OWN: ReadonlySet<string> = new Set(['supervise', 'relay'])

/** Names of the bundled scenarios. */
export function scenarioNames(): string[] {
  return sources()
    .filter((name) => !OWN.has(name))
    .sort()
}

/**
 * Builds the C programs of agent/lab, static, those whose source is newer than what was built; returns where each is.
 * @throws LabError where there is no compiler or it refuses.
 */
export async function buildScenarios(
  into = join(cacheDirectory(), 'scenarios'),
): Promise<Map<string, string>> {
  mkdirSync(into, { recursive: true })
  const built = new Map<string, string>()
  const headers = readdirSync(LAB_SOURCES).filter((file) => file.endsWith('.h'))
  const header = Math.max(...headers.map((file) => modified(join(LAB_SOURCES, file))))
  for (const name of sources()) {
    const source = join(LAB_SOURCES, `${name}.c`)
    const program = join(into, name)
    if (modified(program) < Math.max(modified(source), header)) await compile(source, program)
    built.set(name, program)
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

function sources(): string[] {
  return readdirSync(LAB_SOURCES)
    .filter((file) => file.endsWith('.c'))
    .map((file) => basename(file, '.c'))
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
