import { Foll } from '../model/kinds.js'
import { latestColumns } from './latest-pages.js'
import { plainText } from './line.js'
import { SLOTS_HELD } from './live-families.js'
import type { EndedPin } from './live-pins.js'
import type { PageEvent } from './live-snapshot.js'
import { pageLines } from './page-lines.js'
import type { PagePin, PageView } from './page.js'
import type { RuleRow } from './live-findings.js'
import { renderTable } from './table.js'
import { count, pageAddress } from './units.js'
import { signs, type ViewOptions } from './view-options.js'
import { wrapped } from './wrapped.js'

/** What a live stream has told of one page, as far back as it is held. */
export interface LivePage {
  readonly view: PageView
  /** Intervals before those of the view. */
  readonly olderSlots: number
  /** Oldest first. */
  readonly events: readonly PageEvent[]
}

/** The page as a recording shows it, then its latest events; null: it is being asked for. */
export function livePageLines(
  tgid: number,
  vpn: number,
  page: LivePage | null,
  rules: readonly RuleRow[],
  options: ViewOptions,
): readonly string[] {
  const title = `Page ${pageAddress(vpn)} of pid ${tgid}`
  if (page === null) return [`${title}: asking ...`]
  const { view, olderSlots, events } = page
  const texts = rules.flatMap(({ text }) => text ?? [])
  const { cut } = signs(options.charset)
  const { width } = options
  const table = renderTable(latestColumns(options), events, { width, sortMark: '', cutMark: cut })
  return [
    ...wrapped(
      `${title}, by the latest ${count(SLOTS_HELD)} changes of all pages: a recording holds the rest (cowpath live --record FILE, cowpath open FILE).`,
      width,
    ),
    '',
    ...(olderSlots === 0 ? [] : [`${count(olderSlots)} older changes of it are left out.`, '']),
    ...(view.slots.length === 0
      ? ['What it maps was not told within these: as far as was seen, it has not changed since.']
      : pageLines(view, options, texts, 'a recording holds all of it.')),
    '',
    `Its ${count(events.length)} latest faults that are still held:`,
    ...table.map((line) => plainText(line).trimEnd()),
  ]
}

export function pagePin(
  { pin, untilNs, end }: Pick<EndedPin, 'pin'> & Partial<EndedPin>,
  commOf: (tgid: number) => string,
  takerOf: (stack: number) => string,
): PagePin {
  const taker = takerOf(pin.stack)
  return {
    pin: pin.pin,
    tgid: pin.tgid,
    comm: commOf(pin.tgid),
    // With its code, as the live model has it.
    taker: taker === '' ? null : taker,
    frames: null,
    kind: (pin.foll & Foll.Pin) === 0 ? 'get' : 'pin',
    write: (pin.foll & Foll.Write) === 0 ? 0 : 1,
    longterm: (pin.foll & Foll.Longterm) === 0 ? 0 : 1,
    from_ns: pin.fromNs,
    until_ns: untilNs ?? null,
    ended_by: end ?? null,
  }
}
