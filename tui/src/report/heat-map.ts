import type { Recording } from '../store/recording.js'
import { printable } from '../views/printable.js'
import { count, pageAddress } from '../views/units.js'
import { html, type Html } from './html.js'
import { restOf } from './table.js'

/** A row of db/queries/heat.sql: the copies of one region in one span of time. */
interface HeatRow {
  readonly mm: number
  readonly tgid: number | null
  readonly comm: string | null
  readonly first_vpn: number
  readonly last_vpn: number
  readonly copies: number
  readonly regions: number
  readonly bin: number
  readonly copies_then: number
}

export interface Span {
  readonly from_ns: number
  readonly until_ns: number
}

const REGIONS = 24
/** Cells are spans as the recording sums copies in: of a power of two seconds, of which it has at most one more than these. */
const BINS = 47
const CELL_HEIGHT = 20
/** All spans together; few spans get cells no wider than this many units. */
const MAP_WIDTH = 672
const WIDEST_CELL = 60
const LABEL_WIDTH = 330

/** Light to dark, in one colour: it reads the same in grey, on paper, and by every kind of eye. */
const SHADES = ['#deebf7', '#9ecae1', '#6baed6', '#3182bd', '#08306b']

/** Copies by region of address space (from top to bottom) and time (from left to right); a table says the same. */
export function heatMap(recording: Recording, span: Span): Html {
  const seconds = 2 ** Math.ceil(Math.log2(Math.max(1, (span.until_ns - span.from_ns) / 1e9 / BINS)))
  const cells = recording.ask<HeatRow>('heat', { bin_ns: seconds * 1e9, limit: REGIONS })
  if (cells.length === 0) return html`<p>Nothing was copied.</p>`
  const regions = byRegion(cells)
  const first = Math.min(...cells.map(({ bin }) => bin))
  const last = Math.max(...cells.map(({ bin }) => bin))
  const most = Math.max(...cells.map(({ copies_then }) => copies_then))
  const cellWidth = Math.min(WIDEST_CELL, MAP_WIDTH / (last - first + 1))
  const width = LABEL_WIDTH + Math.max(2, last - first + 1) * cellWidth
  const height = (regions.length + 1) * CELL_HEIGHT + 24
  const rows = regions.map((region, row) => regionRow(region, row, { first, most, cellWidth }))
  return html`<figure>
      <svg
        viewBox="0 0 ${width} ${height}"
        width="${width}"
        role="img"
        aria-labelledby="heat-title heat-desc"
      >
        <title id="heat-title">Copies by region of address space and time</title>
        <desc id="heat-desc">
          ${count(regions.length)} regions from top to bottom, spans of ${seconds} s from left to right, from
          ${first * seconds} s to ${(last + 1) * seconds} s since boot. The darker, the more copies; at most
          ${count(most)} in one cell. The table below holds the sums.
        </desc>
        ${rows}
        <text x="${LABEL_WIDTH}" y="${height - 6}">${first * seconds} s</text>
        <text x="${width}" y="${height - 6}" text-anchor="end">${(last + 1) * seconds} s</text>
      </svg>
      <figcaption>
        One cell is ${seconds} s. The darker, the more copies (log scale, at most ${count(most)}); an empty
        cell: none. The numbers are in the table.
      </figcaption>
    </figure>
    ${regionTable(regions, cells[0].regions, seconds)}`
}

/** Cells of one region follow each other. */
function byRegion(cells: readonly HeatRow[]): readonly (readonly HeatRow[])[] {
  const regions = new Map<string, HeatRow[]>()
  for (const cell of cells) {
    const key = `${cell.mm} ${cell.first_vpn}`
    const region = regions.get(key)
    if (region === undefined) regions.set(key, [cell])
    else region.push(cell)
  }
  return [...regions.values()]
}

function regionRow(
  region: readonly HeatRow[],
  row: number,
  { first, most, cellWidth }: { readonly first: number; readonly most: number; readonly cellWidth: number },
): Html {
  const y = row * CELL_HEIGHT
  const cells = region.map(({ bin, copies_then }) => {
    const shade = SHADES[shadeOf(copies_then, most)]
    return html`<rect
      x="${LABEL_WIDTH + (bin - first) * cellWidth}"
      y="${y + 2}"
      width="${cellWidth - 1}"
      height="${CELL_HEIGHT - 3}"
      fill="${shade}"
      stroke="#555"
      ><title>${count(copies_then)} copies</title></rect
    >`
  })
  return html`<text x="0" y="${y + 15}"
      >${ownerOf(region[0]).slice(0, 24)} ${pageAddress(region[0].first_vpn)}</text
    >
    ${cells}`
}

/** By the logarithm: one copy has the lightest shade, the most the darkest. */
export function shadeOf(copies: number, most: number): number {
  if (most <= 1) return SHADES.length - 1
  return Math.round((Math.log(Math.max(1, copies)) / Math.log(most)) * (SHADES.length - 1))
}

function regionTable(regions: readonly (readonly HeatRow[])[], total: number, seconds: number): Html {
  const lines = regions.map((region) => {
    const [{ first_vpn, last_vpn, copies }] = region
    const busiest = Math.max(...region.map(({ copies_then }) => copies_then))
    return html`<tr>
      <td>${ownerOf(region[0])}</td>
      <td>${pageAddress(first_vpn)}</td>
      <td>${pageAddress(last_vpn)}</td>
      <td class="right">${count(copies)}</td>
      <td class="right">${count(busiest)}</td>
    </tr>`
  })
  return html`<table>
      <caption>
        Copies by region: pages of one address space less than 2 MiB apart
      </caption>
      <thead>
        <tr>
          <th scope="col">Process</th>
          <th scope="col">First page</th>
          <th scope="col">Last page</th>
          <th scope="col" class="right">Copies</th>
          <th scope="col" class="right">Most in ${seconds} s</th>
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
    ${restOf(total - regions.length)}`
}

function ownerOf({ tgid, comm, mm }: HeatRow): string {
  const name = comm === null ? '' : ` (${printable(comm)})`
  return tgid === null ? `address space ${mm}` : `pid ${tgid}${name}`
}
