import { CowpathError, ExitStatus } from '../model/failure.js'
import type { cowpath } from './generated/cowpath.js'

/** What a client wants of what the agent traces: conditions are alternatives, none of them is everything. */
export interface ClientFilter {
  /** tgids; their children are followed. */
  readonly pids: readonly number[]
  /** Exact, at most 15 bytes. */
  readonly comms: readonly string[]
}

/** A filter that holds: everything from `fromSeq` on was chosen by it, what came before by the one before. */
export interface FilterChange {
  readonly filter: ClientFilter
  readonly fromSeq: number
}

/** As it is said to the agent. */
export function targetOf(filter: ClientFilter): cowpath.v1.Target.$Properties {
  return { pids: [...filter.pids], comms: [...filter.comms] }
}

const MAX_CONDITIONS = 1024
const MAX_COMM_BYTES = 15
const MAX_PID = 2 ** 22

/** What the agent would refuse, and end the stream for (agent/src/serve/filter.rs). Throws a CowpathError. */
export function checkFilter({ pids, comms }: ClientFilter): void {
  if (pids.length + comms.length > MAX_CONDITIONS)
    throw refused(`it has more than ${MAX_CONDITIONS} conditions`, 'name fewer, or none for everything')
  if (pids.some((pid) => !Number.isInteger(pid) || pid < 1 || pid > MAX_PID))
    throw refused(`a pid is not a number from 1 to ${MAX_PID}`, 'look it up with ps -o pid')
  const lengths = comms.map((comm) => Buffer.byteLength(comm))
  if (lengths.some((bytes) => bytes < 1 || bytes > MAX_COMM_BYTES))
    throw refused('a comm has 1 to 15 bytes', 'write it as ps -o comm shows it')
}

function refused(why: string, todo: string): CowpathError {
  return new CowpathError({ what: 'cannot change the filter', why, todo, exitStatus: ExitStatus.Usage })
}
