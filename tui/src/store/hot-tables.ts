/**
 * Tables that get a row for what happens to a page, in the order of their columns in db/migrations. The first is the
 * id; of `frame`, `mapping` and `pin` an `*_end` list updates what an earlier chunk inserted.
 */
export const HOT_TABLES = {
  frame: [
    ...['frame', 'pfn', 'folio_order', 'kind', 'seen_ns', 'seen_seq', 'freed_ns', 'freed_seq'],
    ...['slot', 'mm', 'vpn', 'cause', 'origin', 'origin_slot'],
  ],
  mapping: [
    ...['slot', 'mm', 'vpn', 'frame', 'from_ns', 'from_cause', 'from_seq', 'certain'],
    ...['until_ns', 'until_cause', 'until_seq'],
  ],
  other_edge: ['edge', 'kind', 'from_frame', 'to_frame', 'mm', 'vpn', 'at_ns', 'seq'],
  pin: [
    ...['pin', 'mm', 'vpn', 'pages', 'pfn', 'foll', 'tgid', 'tid', 'stack', 'call', 'from_ns', 'from_seq'],
    ...['until_ns', 'until_seq', 'ended_by'],
  ],
  ending: ['slot', 'mm', 'until_ns', 'until_cause', 'until_seq'],
  freed: ['frame', 'freed_ns', 'freed_seq'],
  rate: ['second_ns', 'tgid', 'mm', 'kind', 'outcome', 'events', 'pages', 'vma', 'stack'],
} as const
export type HotTable = keyof typeof HOT_TABLES

/** Columns that are set later, for a row of an earlier chunk: values in this order, then the id. */
export const HOT_ENDS = {
  frame: ['freed_ns', 'freed_seq'],
  mapping: ['until_ns', 'until_cause', 'until_seq'],
  pin: ['until_ns', 'until_seq', 'ended_by'],
} as const
export type EndedTable = keyof typeof HOT_ENDS
