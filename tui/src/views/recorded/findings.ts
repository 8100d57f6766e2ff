import type { Line } from '../line.js'
import { span } from '../line.js'
import { printable } from '../printable.js'
import { renderTable, type Column } from '../table.js'
import { count, pageAddress, sinceBoot } from '../units.js'
import { signs, type ViewOptions } from '../view-options.js'
import { clip } from '../width.js'
import {
  addressText,
  codeIn,
  commColumn,
  numberColumn,
  pidColumn,
  referenceText,
  textColumn,
} from './columns.js'

/** A finding with the names of its owner and of who had part in it; a row of db/queries/findings.sql. */
export interface RecordedFinding {
  readonly finding: number
  readonly rule: string
  readonly verdict: string
  readonly count: number
  readonly first_ns: number
  readonly last_ns: number
  readonly tgid: number | null
  readonly parent_tgid: number | null
  readonly comm: string | null
  readonly mm: number
  readonly vpn: number | null
  readonly pfn: number | null
  readonly size: string
  readonly cause: string
  /** null: the owner itself, or not known. */
  readonly cause_tgid: number | null
  readonly cause_comm: string | null
  /** null where no reference has part in it; so are all that follow. */
  readonly reference_kind: string | null
  readonly reference_write: number | null
  readonly reference_longterm: number | null
  readonly taker: string | null
  readonly frames: string | null
  readonly reference_tgid: number | null
  readonly reference_comm: string | null
  readonly reference_taken_ns: number | null
  readonly pin: number | null
  readonly run: number | null
  readonly first_seq: number | null
  readonly last_seq: number | null
  readonly refcount: number | null
  readonly mapcount: number | null
  readonly pincount: number | null
  readonly words: string | null
}

/** What `--json` prints, one line a finding. Times are ns since boot, addresses hex. */
export function findingJson(row: RecordedFinding): object {
  return {
    finding: row.finding,
    rule: row.rule,
    verdict: row.verdict,
    count: row.count,
    first_ns: row.first_ns,
    last_ns: row.last_ns,
    pid: row.tgid,
    ppid: row.parent_tgid,
    comm: row.comm,
    mm: row.mm,
    address: row.vpn === null ? null : pageAddress(row.vpn),
    pfn: row.pfn,
    size: row.size,
    cause: row.cause,
    cause_pid: row.cause_tgid,
    cause_comm: row.cause_comm,
    reference: row.reference_kind === null ? null : referenceJson(row),
    evidence: {
      run: row.run,
      first_seq: row.first_seq,
      last_seq: row.last_seq,
      refcount: row.refcount,
      mapcount: row.mapcount,
      pincount: row.pincount,
    },
    words: row.words,
  }
}

function referenceJson(row: RecordedFinding): object {
  return {
    kind: row.reference_kind,
    write: row.reference_write === 1,
    longterm: row.reference_longterm === 1,
    taker: row.taker,
    code: codeIn(row.frames) || null,
    pid: row.reference_tgid,
    comm: row.reference_comm,
    taken_ns: row.reference_taken_ns,
    pin: row.pin,
  }
}

/** A table with a line of explanation below each finding. */
export function findingLines(rows: readonly RecordedFinding[], options: ViewOptions): readonly Line[] {
  const { width, charset } = options
  const { cut, down } = signs(charset)
  const [title, ...lines] = renderTable(COLUMNS, rows, { width, sortMark: down, cutMark: cut })
  const told = rows.flatMap((row, index) => [
    lines[index],
    ...(row.words === null ? [] : [[span(clip(`     ${printable(row.words, charset)}`, width, cut), 'dim')]]),
  ])
  return [title, ...told]
}

const COLUMNS: readonly Column<RecordedFinding>[] = [
  textColumn('rule', 'RULE', { width: 4 }, (row) => row.rule),
  textColumn('verdict', 'VERDICT', { width: 14 }, (row) => row.verdict),
  numberColumn('count', 'COUNT', { width: 8 }, (row) => count(row.count)),
  pidColumn((row) => row.tgid),
  commColumn(3, (row) => row.comm),
  textColumn('cause', 'CAUSE', { width: 16, grow: 1, dropOrder: 1 }, causeText),
  textColumn('size', 'SIZE', { width: 10, dropOrder: 5 }, (row) => row.size),
  textColumn('reference', 'REFERENCE', { width: 24, grow: 3, dropOrder: 2 }, (row) =>
    referenceText({
      kind: row.reference_kind,
      write: row.reference_write,
      longterm: row.reference_longterm,
      taker: row.taker,
      frames: row.frames,
    }),
  ),
  textColumn('address', 'ADDRESS', { width: 14, dropOrder: 4 }, (row) => addressText(row.vpn)),
  numberColumn('last', 'LAST S', { width: 14, dropOrder: 6 }, (row) => sinceBoot(row.last_ns)),
]

function causeText({ cause, cause_tgid }: RecordedFinding): string {
  return cause_tgid === null ? cause : `${cause} by pid ${cause_tgid}`
}
