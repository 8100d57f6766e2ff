import { PAGE_SIZES } from '../model/finding.js'
import { plainText } from './line.js'
import type { FrameNode, OwnerView, PagePin, PageView, SlotView } from './page.js'
import { printable } from './printable.js'
import { commColumn, numberColumn, pidColumn, referenceText, textColumn } from './recorded/columns.js'
import { renderTable, type Column } from './table.js'
import { count, pageAddress, sinceBoot } from './units.js'
import { signs, type ViewOptions } from './view-options.js'
import { clip } from './width.js'
import type { RuleText } from './rule-text.js'
import { wrapped } from './wrapped.js'

/**
 * The page's history as a person reads it: a table of what it mapped, who held it, what the rules found (in full where `rules` says
 * what they are), then where those frames came from.
 */
export function pageLines(
  view: PageView,
  options: ViewOptions,
  rules: readonly RuleText[] = [],
  rest = 'cowpath page --all tells up to 2,000 frames of it, cowpath sql the rest.',
): readonly string[] {
  const { cut, down } = signs(options.charset)
  const table = renderTable(SLOT_COLUMNS, view.slots, { width: options.width, sortMark: down, cutMark: cut })
  const trees = view.trees.flatMap((tree) => treeLines(tree, '', ''))
  return [
    ...table.map((line) => plainText(line).trimEnd()),
    ...(view.slots.some(({ counts }) => counts !== null) ? wrapped(COUNTS_WORDS, options.width) : []),
    ...pinLines(view.pins, options),
    ...findingLines(view, rules, options),
    '',
    'Where the frames came from (* marks those that this page mapped):',
    ...trees.map((line) => clip(line, options.width, cut)),
    ...(view.cut ? [`The family is larger than this: ${rest}`] : []),
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
  column('ref', 'REF', 5, 5, (slot) => refcountText(slot.counts), 'right'),
  column('map', 'MAP', 4, 6, (slot) => (slot.counts === null ? '-' : String(slot.counts.mapcount)), 'right'),
  column(
    'pin',
    'PIN',
    4,
    6.5,
    (slot) => (slot.counts === null ? '-' : String(slot.counts.pincount)),
    'right',
  ),
  column('excl', 'EXCL', 4, 7, (slot) => (slot.counts === null ? '-' : slot.counts.exclusive ? 'yes' : 'no')),
  column('pid', 'PID', 7, 1, (slot) => String(slot.tgid ?? '-'), 'right'),
  column('address', 'ADDRESS', 14, 8, (slot) => pageAddress(slot.vpn)),
  column('comm', 'PROCESS', 15, 2, (slot) => printable(slot.comm)),
]

const COUNTS_WORDS =
  'REF, MAP, PIN, EXCL: of the frame that was mapped before the step, as the kernel decided by them; REF 2>1: 1 is of the frame after it.'

function refcountText(counts: SlotView['counts']): string {
  if (counts === null) return '-'
  return counts.newRefcount === 0 ? String(counts.refcount) : `${counts.refcount}>${counts.newRefcount}`
}

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

function findingLines(
  { findings, slots }: PageView,
  rules: readonly RuleText[],
  { width, charset }: ViewOptions,
): readonly string[] {
  if (findings.length === 0) return []
  // By what size a page was mapped then is not in the recording: of small pages only the one promise can be meant.
  const sizes = slots.some(({ order }) => order > 0) ? PAGE_SIZES : (['4k'] as const)
  return [
    '',
    'What the rules found:',
    ...findings.flatMap(({ rule, verdict, count, first_ns, cause, words }) => {
      const often = count === 1 ? '' : `, ${count} times`
      const text = rules.find((one) => one.rule === rule)
      const what = `${rule} ${text === undefined ? '' : `${text.name} `}${verdict} by ${cause} at ${sinceBoot(first_ns)}${often}`
      return [
        printable(words === null ? what : `${what}: ${words}`, charset),
        ...(text === undefined
          ? []
          : [
              `  The rule: ${text.statement}`,
              `  Source: ${text.source}`,
              ...sizes.map(
                (size) => `  This kernel, ${size}: ${text.promises[size] ?? 'no word on such pages'}`,
              ),
            ]),
      ].flatMap((line) => wrapped(line, width, 4))
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
  const of = node.hasUntoldParent ? 'of another ' : ''
  const how = node.by === null || node.atNs === null ? '' : `${node.by} ${of}at ${sinceBoot(node.atNs)} `
  const mark = node.asked ? '*' : ''
  const order = node.order === 0 ? '' : ` order ${node.order}`
  const end = node.freedNs === null ? '' : `, freed at ${sinceBoot(node.freedNs)}`
  const head = `${lead}${how}${mark}pfn ${node.pfn}${order}${end}`
  const children = node.children.flatMap((child, index) => {
    const last = index === node.children.length - 1 && node.untold === 0
    return treeLines(child, `${below}${last ? '`- ' : '|- '}`, `${below}${last ? '   ' : '|  '}`)
  })
  const bar = node.children.length + node.untold > 0 ? '|  ' : '   '
  const rest = node.untold === 0 ? [] : [`${below}\`- ${count(node.untold)} more`]
  return [head, ...node.owners.map((owner) => `${below}${bar}  ${ownerText(owner)}`), ...children, ...rest]
}

function ownerText({ tgid, comm, vpn, fromNs, untilNs }: OwnerView): string {
  const until = untilNs === null ? 'still' : sinceBoot(untilNs)
  return `pid ${tgid ?? '-'} ${printable(comm)} ${pageAddress(vpn)} ${sinceBoot(fromNs)} .. ${until}`
}
