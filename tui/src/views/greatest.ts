/**
 * The first `limit` of `rows` in the order of `compare` (as Array.sort has it), in that order. Keeps no more than those: of many
 * rows and a small limit most are looked at once and put away.
 */
export function greatest<Row>(
  rows: Iterable<Row>,
  limit: number,
  compare: (a: Row, b: Row) => number,
): readonly Row[] {
  // A heap whose root is the last of those that are kept.
  const heap: Row[] = []
  for (const row of rows) {
    if (heap.length < limit) {
      heap.push(row)
      rise(heap, heap.length - 1, compare)
    } else if (limit > 0 && compare(row, heap[0]) < 0) {
      heap[0] = row
      sink(heap, compare)
    }
  }
  return heap.sort(compare)
}

function rise<Row>(heap: Row[], from: number, compare: (a: Row, b: Row) => number): void {
  for (let at = from; at > 0;) {
    const parent = (at - 1) >> 1
    if (compare(heap[parent], heap[at]) >= 0) return
    swap(heap, parent, at)
    at = parent
  }
}

function sink<Row>(heap: Row[], compare: (a: Row, b: Row) => number): void {
  for (let at = 0; ;) {
    const left = 2 * at + 1
    const right = left + 1
    let last = at
    if (left < heap.length && compare(heap[left], heap[last]) > 0) last = left
    if (right < heap.length && compare(heap[right], heap[last]) > 0) last = right
    if (last === at) return
    swap(heap, at, last)
    at = last
  }
}

function swap(heap: unknown[], a: number, b: number): void {
  const row = heap[a]
  heap[a] = heap[b]
  heap[b] = row
}
