import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CowpathError } from '../model/failure.js'

/**
 * Lets the agent verify its legs on this host, with its own words on our terminal, and gives back its exit status: 0 all
 * that can be tried here is told, 1 a leg is absent or wrong, 3 this host cannot be traced.
 */
export async function verifyLegs(agent: string, { json }: { readonly json: boolean }): Promise<number> {
  const words = ['doctor', '--verify', ...(json ? ['--json'] : [])]
  const child = spawn(agent, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> // as its documentation says
  const [status, signal] = await ended.catch((thrown: unknown) => {
    throw cannot(thrown instanceof Error ? thrown.message : String(thrown))
  })
  if (status === null) throw cannot(`${agent} was ended by ${signal ?? 'a signal'}`)
  return status
}

function cannot(why: string): CowpathError {
  return new CowpathError({
    what: 'cannot verify the legs',
    why,
    todo: 'build the agent again: npm run build',
  })
}
