import { latestColumns } from './latest-pages.js'
import { plainText } from './line.js'
import type { PageEvent } from './live-snapshot.js'
import { renderTable } from './table.js'
import { pageAddress } from './units.js'
import { signs, type ViewOptions } from './view-options.js'

/** The last events of one page, where nothing is recorded that could tell its whole history. */
export function pageEventLines(
  tgid: number,
  vpn: number,
  events: readonly PageEvent[],
  options: ViewOptions,
): readonly string[] {
  const { cut } = signs(options.charset)
  const table = renderTable(latestColumns(options), events, {
    width: options.width,
    sortMark: '',
    cutMark: cut,
  })
  return [
    `Page ${pageAddress(vpn)} of pid ${tgid}: the ${events.length} latest events that are still held.`,
    'Its whole history, with its lineage, is in a recording: cowpath live --record FILE, then cowpath open FILE.',
    '',
    ...table.map((line) => plainText(line).trimEnd()),
  ]
}
