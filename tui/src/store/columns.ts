import type { EventColumns } from '../model/events.js'

export type ColumnName = Exclude<keyof EventColumns, 'length'>

export interface ColumnSpec {
  readonly name: ColumnName
  readonly type: 'f64' | 'u8' | 'u32' | 'i32'
  /** Column of the `event` table. */
  readonly sql: string
}

/** Columns of an event in the order in which blocks number them: append only, never reorder. */
export const EVENT_COLUMNS: readonly ColumnSpec[] = [
  { name: 'seq', type: 'f64', sql: 'seq' },
  { name: 'timeNs', type: 'f64', sql: 'time_ns' },
  { name: 'kind', type: 'u8', sql: 'kind' },
  { name: 'outcome', type: 'u8', sql: 'outcome' },
  { name: 'order', type: 'u8', sql: 'folio_order' },
  { name: 'cpu', type: 'u32', sql: 'cpu' },
  { name: 'tgid', type: 'u32', sql: 'tgid' },
  { name: 'tid', type: 'u32', sql: 'tid' },
  { name: 'mm', type: 'u32', sql: 'agent_mm' },
  { name: 'otherMm', type: 'u32', sql: 'other_agent_mm' },
  { name: 'otherTgid', type: 'u32', sql: 'other_tgid' },
  { name: 'vpn', type: 'f64', sql: 'vpn' },
  { name: 'pages', type: 'u32', sql: 'pages' },
  { name: 'oldPfn', type: 'f64', sql: 'old_pfn' },
  { name: 'newPfn', type: 'f64', sql: 'new_pfn' },
  { name: 'flags', type: 'u32', sql: 'flags' },
  { name: 'refcount', type: 'i32', sql: 'refcount' },
  { name: 'mapcount', type: 'i32', sql: 'mapcount' },
  { name: 'pincount', type: 'i32', sql: 'pincount' },
  { name: 'newRefcount', type: 'i32', sql: 'new_refcount' },
  { name: 'stack', type: 'u32', sql: 'stack' },
  { name: 'aux', type: 'f64', sql: 'aux' },
]

const BYTES_AN_EVENT = { f64: 8, u8: 1, u32: 4, i32: 4 } as const

/** Bytes of one buffer that holds all columns of `capacity` events; wide columns first, so that all are aligned. */
function layout(capacity: number): {
  readonly offsets: ReadonlyMap<ColumnName, number>
  readonly bytes: number
} {
  const offsets = new Map<ColumnName, number>()
  let bytes = 0
  for (const type of ['f64', 'u32', 'i32', 'u8'] as const)
    for (const column of EVENT_COLUMNS.filter((each) => each.type === type)) {
      offsets.set(column.name, bytes)
      bytes += BYTES_AN_EVENT[type] * capacity
    }
  return { offsets, bytes }
}

/** All-zero columns in one buffer, so that one transfer moves them to another thread. */
export function allocateColumns(capacity: number): EventColumns {
  return columnsOver(new ArrayBuffer(columnBytes(capacity)), capacity, capacity)
}

/** The columns named, all zero; the others are over one piece of memory that is zero, and not to be written to. */
export function allocateOnly(length: number, only: readonly ColumnName[]): EventColumns {
  const none = new ArrayBuffer(8 * length)
  const over = (name: ColumnName) => (only.includes(name) ? new ArrayBuffer(8 * length) : none)
  return columnsAt(over, () => 0, length)
}

/** Size of the buffer that {@link columnsOver} wants. */
export function columnBytes(capacity: number): number {
  return layout(capacity).bytes
}

/** The columns that {@link allocateColumns} laid out in `buffer` for `capacity` events, the first `length` of them. */
export function columnsOver(buffer: ArrayBuffer, capacity: number, length: number): EventColumns {
  const { offsets } = layout(capacity)
  return columnsAt(
    () => buffer,
    (name) => offsets.get(name) ?? 0,
    length,
  )
}

function columnsAt(
  over: (name: ColumnName) => ArrayBuffer,
  at: (name: ColumnName) => number,
  length: number,
): EventColumns {
  const f64 = (name: ColumnName) => new Float64Array(over(name), at(name), length)
  const u32 = (name: ColumnName) => new Uint32Array(over(name), at(name), length)
  const i32 = (name: ColumnName) => new Int32Array(over(name), at(name), length)
  const u8 = (name: ColumnName) => new Uint8Array(over(name), at(name), length)
  return {
    length,
    seq: f64('seq'),
    timeNs: f64('timeNs'),
    vpn: f64('vpn'),
    oldPfn: f64('oldPfn'),
    newPfn: f64('newPfn'),
    aux: f64('aux'),
    kind: u8('kind'),
    outcome: u8('outcome'),
    order: u8('order'),
    cpu: u32('cpu'),
    tgid: u32('tgid'),
    tid: u32('tid'),
    mm: u32('mm'),
    otherMm: u32('otherMm'),
    otherTgid: u32('otherTgid'),
    pages: u32('pages'),
    flags: u32('flags'),
    stack: u32('stack'),
    refcount: i32('refcount'),
    mapcount: i32('mapcount'),
    pincount: i32('pincount'),
    newRefcount: i32('newRefcount'),
  }
}
