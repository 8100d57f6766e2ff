/** Moments of a recording, as people write them. */
import { InvalidArgumentError, type Command } from 'commander'
import { spanOf } from '../store/recorded-stream.js'
import type { Recording } from '../store/recording.js'
import { timeSpan } from './arguments.js'

/** A moment that is known when the recording is: to be asked with it. Answers in ns since the boot of its host. */
export type Moment = (recording: Recording) => number

/** What help says of every such option. */
export const MOMENTS =
  'Times are seconds since boot as the tables print them (1234.5), before the end (-5m), after the beginning (+30s), ' +
  'a time of day (14:03:22, the last one that the recording reaches) or a date with it (2026-11-21T14:03:22, local time ' +
  'unless it ends in Z or +02:00).'

/** Options of a command, of what happened between two moments. */
export interface Between {
  readonly since?: Moment
  readonly until?: Moment
}

/** Adds the two options; `what` says of what. */
export function between(command: Command, what: string): Command {
  return command
    .option('--since <time>', `only ${what} since then`, moment)
    .option('--until <time>', `only ${what} until then`, moment)
}

/** The parameters of a named query; NULL: any time. */
export function betweenNs(
  recording: Recording,
  { since, until }: Between,
): { readonly since_ns: number | null; readonly until_ns: number | null } {
  return { since_ns: since?.(recording) ?? null, until_ns: until?.(recording) ?? null }
}

/** Throws what commander tells as a usage error. */
export function moment(text: string): Moment {
  if (/^\d+(\.\d{1,9})?$/.test(text)) return () => Math.round(Number(text) * 1e9)
  if (text.startsWith('-')) return beforeEnd(timeSpan(text.slice(1)))
  if (text.startsWith('+')) return afterBeginning(timeSpan(text.slice(1)))
  if (/^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text)) return timeOfDay(text)
  const wallMs = /^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(wallMs))
    throw new InvalidArgumentError('It is not a time (as 1234.5, -5m, +30s, 14:03:22, 2026-11-21T14:03:22).')
  return (recording) => (wallMs - bootWallMs(recording)) * 1e6
}

function beforeEnd(ns: number): Moment {
  return (recording) => Math.max(0, spanOf(recording).endNs - ns)
}

function afterBeginning(ns: number): Moment {
  return (recording) => spanOf(recording).beginNs + ns
}

/** The last such time of a day, local, that is not after the end. */
function timeOfDay(text: string): Moment {
  const [hours, minutes, seconds = 0] = text.split(':').map(Number)
  if (hours > 23 || minutes > 59 || seconds >= 60)
    throw new InvalidArgumentError('There is no such time of day.')
  return (recording) => {
    const bootMs = bootWallMs(recording)
    const end = new Date(bootMs + spanOf(recording).endNs / 1e6)
    const then = new Date(end)
    then.setHours(hours, minutes, Math.floor(seconds), Math.round((seconds % 1) * 1000))
    if (then > end) then.setDate(then.getDate() - 1)
    return (then.getTime() - bootMs) * 1e6
  }
}

/** What the wall clock of the (first) host said when it booted, ms. */
function bootWallMs(recording: Recording): number {
  const [row] = recording.select<{ readonly ms: number }>(
    'SELECT CAST(wall_clock_offset_ns AS REAL) / 1e6 AS ms FROM run ORDER BY run LIMIT 1',
  )
  return row.ms
}
