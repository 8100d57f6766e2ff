import type { Rows } from './messages.js'

/**
 * Numbers of the rows, by ascending id, which is the value at `idAt` of each. Sorts plain numbers (id above, row below), where they
 * are exact; else as they came.
 */
export function orderOf({ rows, values }: Rows, width: number, idAt: number): Float64Array {
  const order = new Float64Array(rows)
  let greatest = 0
  for (let row = 0; row < rows; row++) {
    order[row] = values[row * width + idAt] * rows + row
    if (order[row] > greatest) greatest = order[row]
  }
  const exact = greatest <= Number.MAX_SAFE_INTEGER
  if (exact) order.sort()
  for (let i = 0; i < rows; i++) order[i] = exact ? order[i] % rows : i
  return order
}

/** The rows by ascending id, which is their first value. */
export function sortedRows(unsorted: Rows, width: number): Rows {
  const { rows, values } = unsorted
  const sorted = new Float64Array(rows * width)
  let at = 0
  for (const row of orderOf(unsorted, width, 0))
    for (let from = row * width; from < (row + 1) * width; from++) sorted[at++] = values[from]
  return { rows, values: sorted }
}
