import { constants } from 'node:os'

/** What ends a command in order: what it has done until then is kept. */
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The exit status of a command that a signal ended. */
export function statusOf(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGQUIT'): number {
  return 128 + constants.signals[signal]
}

/** Calls `end` with the exit status when such a signal comes, each signal once. Returns what takes that back. */
export function onEndSignal(end: (status: number) => void): () => void {
  const handlers = END_SIGNALS.map((signal) => {
    const handler = () => {
      end(statusOf(signal))
    }
    process.once(signal, handler)
    return [signal, handler] as const
  })
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
  }
}
