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

/** With the host, where there are several. */
export function topProcessColumns(rows: readonly TopProcess[]): readonly Column<TopProcess>[] {
  return rows.some(({ hostname }) => hostname !== null) ? [HOST, ...TOP_PROCESS_COLUMNS] : TOP_PROCESS_COLUMNS
}

const HOST: Column<TopProcess> = {
  id: 'host',
  title: 'HOST',
  align: 'left',
  width: 15,
  grow: 1,
  dropOrder: 3,
  text: (row) => printable(row.hostname ?? ''),
}

const TOP_PROCESS_COLUMNS: readonly Column<TopProcess>[] = [
  {
    id: 'pid',
    title: 'PID',
    align: 'right',
    width: 7,
    grow: 0,
    dropOrder: 0,
    text: (row) => String(row.tgid),
  },
  comm<TopProcess>(),
  number('copies', 'COPIES', 0, (row: TopProcess) => count(row.copies)),
  number('bytes', 'COPIED', 0, (row: TopProcess) => bytes(row.bytes)),
  number('faults', 'FAULTS', 0, (row: TopProcess) => count(row.faults)),
  number('reuses', 'REUSES', 1, (row: TopProcess) => count(row.reuses)),
]

export const TOP_PAGE_COLUMNS: readonly Column<TopPage>[] = [
  {
    id: 'pid',
    title: 'PID',
    align: 'right',
    width: 7,
    grow: 0,
    dropOrder: 0,
    text: (row) => String(row.tgid ?? '-'),
  },
  comm<TopPage>(),
  {
    id: 'address',
    title: 'ADDRESS',
    align: 'left',
    width: 14,
    grow: 0,
    dropOrder: 0,
    text: (row) => pageAddress(row.vpn),
  },
  number('copies', 'COPIES', 0, (row: TopPage) => count(row.copies)),
  number('bytes', 'COPIED', 0, (row: TopPage) => bytes(row.bytes)),
  number('last', 'LAST AT S', 1, (row: TopPage) => sinceBoot(row.last_ns)),
]

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

function number<Row>(id: string, title: string, dropOrder: number, text: (row: Row) => string): Column<Row> {
  return { id, title, align: 'right', width: 14, grow: 0, dropOrder, text }
}
