/** What one line of `bpftrace -f json` is. */
export type BpftraceLine =
  | { readonly type: 'printf'; readonly text: string }
  /** Its buffer was full; so many of its lines are missing. */
  | { readonly type: 'lost'; readonly count: number }
  /** Nothing to us: probes attached, maps printed at the end, an empty line. */
  | { readonly type: 'other' }
  | { readonly type: 'garbled' }

const OTHER: BpftraceLine = { type: 'other' }
const GARBLED: BpftraceLine = { type: 'garbled' }

/** Never throws. */
export function bpftraceLine(line: string): BpftraceLine {
  if (line.trim() === '') return OTHER
  const value = parsed(line)
  if (typeof value !== 'object' || value === null || !('type' in value) || !('data' in value)) return GARBLED
  const { type, data } = value
  if (type === 'printf') return typeof data === 'string' ? { type: 'printf', text: data } : GARBLED
  if (type === 'lost_events') return lost(data)
  return typeof type === 'string' ? OTHER : GARBLED
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function lost(data: unknown): BpftraceLine {
  if (typeof data !== 'object' || data === null || !('events' in data)) return GARBLED
  const { events } = data
  return typeof events === 'number' && Number.isSafeInteger(events) && events >= 0
    ? { type: 'lost', count: events }
    : GARBLED
}
