/** Columns that several lists have. */
import { printable } from './printable.js'
import type { Column } from './table.js'
import { count, pageAddress } from './units.js'
import type { ViewOptions } from './view-options.js'

/** The name of a process: any bytes, shown harmless. */
export function commColumn<Row extends { readonly comm: string }>({ charset }: ViewOptions): Column<Row> {
  const text = ({ comm }: Row) => (comm === '' ? '?' : printable(comm, charset))
  return { id: 'comm', title: 'comm', align: 'left', width: 8, grow: 1, most: 24, dropOrder: 0, text }
}

/** A function of the kernel; empty where it is not known. */
export function functionColumn<Row>(
  id: string,
  title: string,
  { charset }: ViewOptions,
  of: (row: Row) => string,
): Column<Row> {
  const text = (row: Row) => (of(row) === '' ? '?' : printable(of(row), charset))
  return { id, title, align: 'left', width: 14, grow: 3, most: 40, dropOrder: 0, text }
}

export function pidColumn<Row extends { readonly tgid: number }>(unknown = '-'): Column<Row> {
  const text = ({ tgid }: Row) => (tgid === 0 ? unknown : tgid.toString())
  return {
    id: 'pid',
    title: 'pid',
    align: 'right',
    width: 7,
    grow: 0,
    dropOrder: 0,
    value: (row) => row.tgid,
    text,
  }
}

export function addressColumn<Row>(of: (row: Row) => number, dropOrder = 0): Column<Row> {
  const value = (row: Row) => of(row) * 4096
  const text = (row: Row) => pageAddress(of(row))
  return { id: 'address', title: 'address', align: 'left', width: 14, grow: 0, dropOrder, value, text }
}

/** A number that sorts; as a count with separators unless told otherwise. */
export function numberColumn<Row>(
  id: string,
  width: number,
  value: (row: Row) => number,
  more: { readonly title?: string; readonly dropOrder?: number; readonly text?: (row: Row) => string } = {},
): Column<Row> {
  const { title = id, dropOrder = 0, text = (row: Row) => count(value(row)) } = more
  return { id, title, align: 'right', width, grow: 0, dropOrder, value, text }
}
