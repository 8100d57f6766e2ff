import { plainText } from './line.js'
import type { FrameNode, OwnerView, PageFinding, PagePin, PageView, SlotView } from './page.js'
import { printable } from './printable.js'
import { commColumn, numberColumn, pidColumn, referenceText, textColumn } from './recorded/columns.js'
import { renderTable, type Column } from './table.js'
import { pageAddress, sinceBoot } from './units.js'
import { signs, type ViewOptions } from './view-options.js'
import { clip } from './width.js'

/** The page's history as a person reads it: a table of what it mapped, then where those frames came from. */
export function pageLines(view: PageView, options: ViewOptions): readonly string[] {
  const { cut, down } = signs(options.charset)
  const table = renderTable(SLOT_COLUMNS, view.slots, { width: options.width, sortMark: down, cutMark: cut })
  const trees = view.trees.flatMap((tree) => treeLines(tree, '', ''))
  return [
    ...table.map((line) => plainText(line).trimEnd()),
    ...pinLines(view.pins, options),
    ...findingLines(view.findings, options),
    '',
    'Where the frames came from (* marks those that this page mapped):',
    ...trees.map((line) => clip(line, options.width, cut)),
    ...(view.cut ? ['The family is larger than this: ask cowpath sql for the rest.'] : []),
  ]
}

const SLOT_COLUMNS: readonly Column<SlotView>[] = [
  column('from', 'FROM S', 14, 0, (slot) => sinceBoot(slot.fromNs), 'right'),
  column(
    'until',
    'UNTIL S',
    14,
    4,
    (slot) => (slot.untilNs === null ? 'still' : sinceBoot(slot.untilNs)),
    'right',
  ),
  column('cause', 'BEGAN BY', 10, 0, (slot) => slot.fromCause + (slot.certain ? '' : '?')),
  column('end', 'ENDED BY', 10, 3, (slot) => slot.untilCause ?? '-'),
  column('pfn', 'PFN', 10, 0, (slot) => String(slot.pfn), 'right'),
  column('order', 'ORDER', 5, 9, (slot) => String(slot.order), 'right'),
  column('ref', 'REF', 4, 5, (slot) => (slot.counts === null ? '-' : String(slot.counts.refcount)), 'right'),
  column('map', 'MAP', 4, 6, (slot) => (slot.counts === null ? '-' : String(slot.counts.mapcount)), 'right'),
  column('excl', 'EXCL', 4, 7, (slot) => (slot.counts === null ? '-' : slot.counts.exclusive ? 'yes' : 'no')),
  column('pid', 'PID', 7, 1, (slot) => String(slot.tgid ?? '-'), 'right'),
  column('address', 'ADDRESS', 14, 8, (slot) => pageAddress(slot.vpn)),
  column('comm', 'PROCESS', 15, 2, (slot) => printable(slot.comm)),
]

const PIN_COLUMNS: readonly Column<PagePin>[] = [
  numberColumn('from', 'FROM S', { width: 14 }, (pin) => sinceBoot(pin.from_ns)),
  numberColumn('until', 'UNTIL S', { width: 14, dropOrder: 2 }, (pin) =>
    pin.until_ns === null ? 'not seen' : sinceBoot(pin.until_ns),
  ),
  textColumn('reference', 'REFERENCE', { width: 24, grow: 1 }, (pin) => referenceText(pin)),
  textColumn('end', 'ENDED BY', { width: 12, dropOrder: 3 }, (pin) => pin.ended_by),
  pidColumn((pin) => pin.tgid),
  commColumn(1, (pin) => pin.comm),
]

function pinLines(pins: readonly PagePin[], { width, charset }: ViewOptions): readonly string[] {
  if (pins.length === 0) return []
  const { cut, down } = signs(charset)
  const table = renderTable(PIN_COLUMNS, pins, { width, sortMark: down, cutMark: cut })
  return ['', 'Who held it:', ...table.map((line) => plainText(line).trimEnd())]
}

function findingLines(findings: readonly PageFinding[], { width, charset }: ViewOptions): readonly string[] {
  if (findings.length === 0) return []
  const { cut } = signs(charset)
  return [
    '',
    'What the rules found:',
    ...findings.map(({ rule, verdict, count, first_ns, cause, words }) => {
      const often = count === 1 ? '' : `, ${count} times`
      const what = `${rule} ${verdict} by ${cause} at ${sinceBoot(first_ns)}${often}`
      return clip(printable(words === null ? what : `${what}: ${words}`, charset), width, cut)
    }),
  ]
}

function column(
  id: string,
  title: string,
  width: number,
  dropOrder: number,
  text: (slot: SlotView) => string,
  align: 'left' | 'right' = 'left',
): Column<SlotView> {
  return { id, title, align, width, grow: 0, dropOrder, text }
}

/** Plain ASCII: it is read on every terminal and survives a paste into a mail. */
function treeLines(node: FrameNode, lead: string, below: string): readonly string[] {
  const how = node.by === null || node.atNs === null ? '' : `${node.by} at ${sinceBoot(node.atNs)} `
  const mark = node.asked ? '*' : ''
  const order = node.order === 0 ? '' : ` order ${node.order}`
  const end = node.freedNs === null ? '' : `, freed at ${sinceBoot(node.freedNs)}`
  const head = `${lead}${how}${mark}pfn ${node.pfn}${order}${end}`
  const children = node.children.flatMap((child, index) => {
    const last = index === node.children.length - 1
    return treeLines(child, `${below}${last ? '`- ' : '|- '}`, `${below}${last ? '   ' : '|  '}`)
  })
  const bar = node.children.length > 0 ? '|  ' : '   '
  return [head, ...node.owners.map((owner) => `${below}${bar}  ${ownerText(owner)}`), ...children]
}

function ownerText({ tgid, comm, vpn, fromNs, untilNs }: OwnerView): string {
  const until = untilNs === null ? 'still' : sinceBoot(untilNs)
  return `pid ${tgid ?? '-'} ${printable(comm)} ${pageAddress(vpn)} ${sinceBoot(fromNs)} .. ${until}`
}
