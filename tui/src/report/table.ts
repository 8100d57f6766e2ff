import type { Column } from '../views/table.js'
import { count } from '../views/units.js'
import { html, type Html } from './html.js'

interface TableWords {
  readonly caption: string
  /** Said where there are no rows. */
  readonly empty: string
  /** How many rows there are in the recording, where fewer are shown. */
  readonly total?: number
}

/** Rows as a table with a caption: the same columns as on a terminal, which are escaped for reading there already. */
export function htmlTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { caption, empty, total = rows.length }: TableWords,
): Html {
  if (rows.length === 0) return html`<p>${empty}</p>`
  const heads = columns.map(({ title, align }) => html`<th scope="col" class="${align}">${title}</th>`)
  const lines = rows.map(
    (row) =>
      html`<tr>
        ${columns.map(({ align, text }) => html`<td class="${align}">${text(row)}</td>`)}
      </tr>`,
  )
  return html`<table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
    ${restOf(total - rows.length)}`
}

/** Says how many rows are left out. */
export function restOf(left: number): Html {
  return left <= 0 ? html`` : html`<p class="rest">and ${count(left)} more</p>`
}
