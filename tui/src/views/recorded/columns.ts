/** Columns that the tables of a recording share. What comes from outside is escaped here, and nowhere printed past it. */
import { codeOf, takerWords } from '../../model/code.js'
import { printable } from '../printable.js'
import type { Column } from '../table.js'
import { count, duration, pageAddress, sinceBoot } from '../units.js'

/** The column with the greatest `dropOrder` is left out first on a narrow terminal; 0: never. */
export function textColumn<Row>(
  id: string,
  title: string,
  { width, grow = 0, dropOrder = 0 }: { width: number; grow?: number; dropOrder?: number },
  text: (row: Row) => string | null,
): Column<Row> {
  return { id, title, align: 'left', width, grow, dropOrder, text: (row) => printable(text(row) ?? '-') }
}

export function numberColumn<Row>(
  id: string,
  title: string,
  { width, dropOrder = 0 }: { width: number; dropOrder?: number },
  text: (row: Row) => string | null,
): Column<Row> {
  return { id, title, align: 'right', width, grow: 0, dropOrder, text: (row) => text(row) ?? '-' }
}

export function countColumn<Row>(
  id: string,
  title: string,
  dropOrder: number,
  value: (row: Row) => number,
): Column<Row> {
  return numberColumn(id, title, { width: 11, dropOrder }, (row) => count(value(row)))
}

export function pidColumn<Row>(value: (row: Row) => number | null): Column<Row> {
  return numberColumn('pid', 'PID', { width: 7 }, (row) => numberText(value(row)))
}

export function commColumn<Row>(dropOrder: number, value: (row: Row) => string | null): Column<Row> {
  return textColumn('comm', 'PROCESS', { width: 15, dropOrder }, value)
}

export function numberText(value: number | null): string | null {
  return value === null ? null : String(value)
}

export function addressText(vpn: number | null): string | null {
  return vpn === null ? null : pageAddress(vpn)
}

export function timeText(ns: number | null): string | null {
  return ns === null ? null : sinceBoot(ns)
}

export function durationText(ns: number | null): string | null {
  return ns === null ? null : duration(ns)
}

/** The code in user mode of a stack, as a recording holds its frames; empty: not known. */
export function codeIn(frames: string | null): string {
  if (frames === null) return ''
  try {
    const all: unknown = JSON.parse(frames)
    return Array.isArray(all) ? codeOf(all.filter((frame) => typeof frame === 'string')) : ''
  } catch {
    // Somebody else wrote it.
    return ''
  }
}

/** Who took a reference and how: `pin write longterm by vfio_pin_pages_remote`. */
export function referenceText(reference: {
  readonly kind: string | null
  readonly write: number | null
  readonly longterm: number | null
  readonly taker: string | null
  /** Of its stack, as JSON; null: none was taken. */
  readonly frames: string | null
}): string | null {
  const { kind, write, longterm } = reference
  if (kind === null) return null
  const parts = [kind, write === 1 ? 'write' : 'read', ...(longterm === 1 ? ['longterm'] : [])]
  const taker = takerWords(reference.taker ?? '', codeIn(reference.frames))
  return [...parts, ...(taker === '' ? [] : ['by', taker])].join(' ')
}
