import type { Column } from './table.js'
import { printable } from './printable.js'
import { bytes, count, pageAddress, sinceBoot } from './units.js'

export const TOP_ORDERS = ['copies', 'bytes', 'faults'] as const
export type TopOrder = (typeof TOP_ORDERS)[number]

/** A process and what copy-on-write cost it; a row of db/queries/top-processes.sql. */
export interface TopProcess {
  /** null: the recording is of one host. */
  readonly hostname: string | null
  readonly tgid: number
  readonly comm: string | null
  readonly copies: number
  readonly bytes: number
  readonly faults: number
  readonly reuses: number
}

/** A page and how often it was copied; a row of db/queries/top-pages.sql. */
export interface TopPage {
  readonly mm: number
  readonly tgid: number | null
  readonly comm: string | null
  readonly vpn: number
  readonly copies: number
  readonly bytes: number
  readonly last_ns: number
}

/** A vma and what copy-on-write cost in it; a row of db/queries/top-vmas.sql. */
export interface TopVma {
  /** null: the recording is of one host. */
  readonly hostname: string | null
  readonly mm: number
  readonly tgid: number | null
  readonly comm: string | null
  /** null: all that fell in no vma that was told. */
  readonly vpn: number | null
  readonly size_bytes: number | null
  /** As in /proc/PID/maps; null: not told. */
  readonly rights: string | null
  readonly kind: string | null
  readonly copies: number
  readonly bytes: number
  readonly faults: number
  readonly reuses: number
}

/** Code and what copy-on-write cost there; a row of db/queries/top-sites.sql. */
export interface TopSite {
  /** null: no call stack was taken. */
  readonly code: string | null
  readonly processes: number
  readonly copies: number
  readonly bytes: number
  readonly faults: number
  readonly reuses: number
}

/** With the host, where there are several. */
export function topProcessColumns(rows: readonly TopProcess[]): readonly Column<TopProcess>[] {
  return withHosts(rows, TOP_PROCESS_COLUMNS)
}

interface OfHost {
  readonly hostname: string | null
}

function withHosts<Row extends OfHost>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): readonly Column<Row>[] {
  if (rows.every(({ hostname }) => hostname === null)) return columns
  return [
    {
      id: 'host',
      title: 'HOST',
      align: 'left',
      width: 15,
      grow: 1,
      dropOrder: 3,
      text: (row) => printable(row.hostname ?? ''),
    },
    ...columns,
  ]
}

const TOP_PROCESS_COLUMNS: readonly Column<TopProcess>[] = [
  pid<TopProcess>(),
  comm<TopProcess>(),
  ...costs<TopProcess>(),
]

/** With the host, where there are several. */
export function topVmaColumns(rows: readonly TopVma[]): readonly Column<TopVma>[] {
  return withHosts(rows, TOP_VMA_COLUMNS)
}

const TOP_VMA_COLUMNS: readonly Column<TopVma>[] = [
  pid<TopVma>(),
  comm<TopVma>(),
  address<TopVma>(),
  number('size', 'SIZE', 2, (row: TopVma) => (row.size_bytes === null ? '' : bytes(row.size_bytes)), 10),
  {
    id: 'kind',
    title: 'KIND',
    align: 'left',
    width: 12,
    grow: 0,
    dropOrder: 0,
    text: (row) => [row.rights ?? '', row.kind ?? ''].join(' ').trim(),
  },
  ...costs<TopVma>(10),
]

export const TOP_SITE_COLUMNS: readonly Column<TopSite>[] = [
  {
    id: 'code',
    title: 'CODE',
    align: 'left',
    width: 24,
    grow: 1,
    dropOrder: 0,
    text: (row) => printable(row.code ?? 'no call stack'),
  },
  number('processes', 'PROCESSES', 2, (row: TopSite) => count(row.processes), 9),
  ...costs<TopSite>(10),
]

export const TOP_PAGE_COLUMNS: readonly Column<TopPage>[] = [
  pid<TopPage>(),
  comm<TopPage>(),
  address<TopPage>(),
  number('copies', 'COPIES', 0, (row: TopPage) => count(row.copies)),
  number('bytes', 'COPIED', 0, (row: TopPage) => bytes(row.bytes)),
  number('last', 'LAST AT S', 1, (row: TopPage) => sinceBoot(row.last_ns)),
]

function pid<Row extends { readonly tgid: number | null }>(): Column<Row> {
  return {
    id: 'pid',
    title: 'PID',
    align: 'right',
    width: 7,
    grow: 0,
    dropOrder: 0,
    text: (row) => String(row.tgid ?? '-'),
  }
}

function address<Row extends { readonly vpn: number | null }>(): Column<Row> {
  return {
    id: 'address',
    title: 'ADDRESS',
    align: 'left',
    width: 14,
    grow: 0,
    dropOrder: 0,
    text: (row) => (row.vpn === null ? 'not told' : pageAddress(row.vpn)),
  }
}

function comm<Row extends { readonly comm: string | null }>(): Column<Row> {
  return {
    id: 'comm',
    title: 'PROCESS',
    align: 'left',
    width: 15,
    grow: 0,
    dropOrder: 2,
    text: (row) => printable(row.comm ?? ''),
  }
}

type Costs = Pick<TopProcess, 'copies' | 'bytes' | 'faults' | 'reuses'>

function costs<Row extends Costs>(width?: number): readonly Column<Row>[] {
  return [
    number('copies', 'COPIES', 0, (row: Row) => count(row.copies), width),
    number('bytes', 'COPIED', 0, (row: Row) => bytes(row.bytes), width),
    number('faults', 'FAULTS', 0, (row: Row) => count(row.faults), width),
    number('reuses', 'REUSES', 1, (row: Row) => count(row.reuses), width),
  ]
}

function number<Row>(
  id: string,
  title: string,
  dropOrder: number,
  text: (row: Row) => string,
  width = 14,
): Column<Row> {
  return { id, title, align: 'right', width, grow: 0, dropOrder, text }
}
