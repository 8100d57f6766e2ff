import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CowpathError } from '../model/failure.js'

/** Beside this client, as `npm run build` leaves it; from tui/dist/commands. */
const BUILT = fileURLToPath(
  new URL('../../../target/x86_64-unknown-linux-gnu/release/cowpath-agent', import.meta.url),
)

/** The agent to run: `$COWPATH_AGENT`, else the one built here, else the first in `$PATH`; null where there is none. */
export function findAgent(env: NodeJS.ProcessEnv): string | null {
  const chosen = env['COWPATH_AGENT']
  if (chosen !== undefined && chosen !== '') return chosen
  return isExecutable(BUILT) ? BUILT : findProgram('cowpath-agent', env)
}

/** As findAgent, for those who cannot go on without. */
export function requireAgent(env: NodeJS.ProcessEnv): string {
  const agent = findAgent(env)
  if (agent !== null) return agent
  throw new CowpathError({
    what: 'cannot start the agent',
    why: 'cowpath-agent is neither built here nor in $PATH',
    todo: 'build it with npm run build, or name one in $COWPATH_AGENT',
  })
}

/** The first executable of that name in `$PATH`. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
