import { NOTHING_SEEN, type AgentInfo, type ProcessInfo, type StreamItem } from '../../model/events.js'
import { columnsOf, NO_EVENT, type EventRow } from '../../model/event-rows.js'
import type { Policy } from '../policy.js'
import { tgidOf } from './machine.js'
import type { SlotSize } from './memory.js'
import type { Operation } from './operations.js'
import { Simulator } from './simulator.js'
import type { Truth } from './truth.js'

/** One operation of a story: the item of the stream that an agent would have told it by, and what it did to pins. */
export interface Scene {
  /** null: what was there before the first. */
  readonly operation: Operation | null
  readonly told: readonly EventRow[]
  readonly item: StreamItem
  readonly truths: readonly Truth[]
  /** What `device-read` saw. */
  readonly seen: number | undefined
}

const SECOND = 1e9
/** Seconds that pass from one operation to the next: who reads times sees what came when. */
const PACE = 1
const NAMES = ['parent', 'child'] as const

/** Plays operations in a kernel of this policy, as the stream of an agent that sees all of it. */
export function* story(
  policy: Policy,
  sizes: readonly SlotSize[],
  operations: readonly Operation[],
): Generator<Scene> {
  const [simulator, begun] = Simulator.begin(policy, sizes)
  let seq = 0
  let second = PACE
  const named = new Set<number>()
  const scene = (
    operation: Operation | null,
    told: readonly Partial<EventRow>[],
    rest: Pick<Scene, 'truths' | 'seen'>,
  ): Scene => {
    const rows = told.map((event, i) => ({
      ...NO_EVENT,
      ...event,
      tid: event.tgid ?? 0,
      seq: ++seq,
      timeNs: second * SECOND + i * 1000,
    }))
    second += PACE
    const processes = simulator.memory.mms
      .filter(({ id }) => !named.has(id))
      .map(({ id }) => {
        named.add(id)
        return processOf(id, second * SECOND)
      })
    const item = {
      type: 'batch',
      firstSeq: seq - rows.length + 1,
      lastSeq: seq,
      filtered: 0,
      processes,
      stacks: [],
      events: columnsOf(rows),
    } as const
    return { operation, told: rows, item, ...rest }
  }
  yield scene(null, begun, { truths: [], seen: undefined })
  for (const operation of operations) {
    const { told, truths, seen } = simulator.do(operation)
    yield scene(operation, told, { truths, seen })
  }
}

function processOf(mm: number, startTimeNs: number): ProcessInfo {
  const comm = NAMES.at(mm - 1) ?? `mm ${mm}`
  return { tgid: tgidOf(mm), parentTgid: mm === 1 ? 1 : tgidOf(1), mm, comm, startTimeNs }
}

/** Who an agent in that kernel would say that it is; `legs` it has all of. */
export function simulatedAgent(policy: Policy, legs: readonly string[], bootId: string): AgentInfo {
  return {
    bootId,
    agentVersion: '',
    kernelRelease: `${policy.version}.0`,
    kernelVersion: 'simulated',
    kernelBootId: bootId,
    hostname: 'simulator',
    cpus: 1,
    pageSize: 4096,
    wallClockOffsetNs: 0n,
    legs: legs.map((name) => ({
      name,
      attached: true,
      hook: 'simulated',
      reasons: [],
      ...NOTHING_SEEN,
    })),
  }
}

/** Whether an operation was refused, or had nothing to do. */
export function cameToNothing({ told, truths, operation }: Scene): boolean {
  if (operation === null || told.length > 0 || truths.length > 0) return false
  return !SILENT.has(operation.name)
}

/** Operations that an agent has no event for. */
const SILENT: ReadonlySet<string> = new Set([
  'read',
  'write',
  'release',
  'device-write',
  'device-read',
  'speculate',
  'batch',
  'settle',
])
