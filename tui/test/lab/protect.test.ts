/**
 * What a recording holds of protections, userfaultfd, huge pages and hugetlb, against what the scenarios say that it must
 * hold (agent/lab/expect.h). They check themselves by /proc; here every line of theirs must be one event, and every event
 * of a kind that a scenario claims for an area must be a line.
 */
import { describe, expect, test } from 'vitest'

import { Flag } from '../../src/model/kinds.js'
import { jsonLines, KERNELS } from './guest-run.js'
import { query, recordWhole } from './recording.js'
import { RECORDING_MS } from './whole.js'

interface Row {
  readonly seq: number
  readonly kind: string
  readonly outcome: string
  readonly order: number
  readonly vpn: number
  readonly pages: number
  readonly old_pfn: number
  readonly new_pfn: number
  readonly mapcount: number
  readonly pincount: number
  readonly aux: number
  readonly flags: number
  readonly stack: number
}
type Column = Exclude<keyof Row, 'seq' | 'flags' | 'stack'>
const COLUMNS: readonly Column[] = [
  'kind',
  'outcome',
  'order',
  'vpn',
  'pages',
  'old_pfn',
  'new_pfn',
  'mapcount',
  'pincount',
  'aux',
]

/** One event: the columns given are exact. `errno`: aux >> 8 is one of them; `atLeast`: it may come more often, or not at all if 0. */
type Expected = Partial<Pick<Row, Column>> & {
  readonly errno?: readonly number[]
  readonly atLeast?: number
  readonly pmdMapped?: boolean
  readonly uffdWp?: boolean
  readonly isAsync?: boolean
  readonly hugetlb?: boolean
  readonly hasStack?: boolean
}
interface Claim {
  readonly claim: string
  readonly vpn: number
  readonly pages: number
}
interface Freed {
  readonly freed: number
  readonly order: number
  readonly frames: number
}

const FLAGS: readonly (readonly [keyof Expected, number])[] = [
  ['pmdMapped', Flag.PmdMapped],
  ['uffdWp', Flag.UffdWp],
  ['isAsync', Flag.UffdWpAsync],
  ['hugetlb', Flag.Hugetlb],
]

const SQL = `SELECT seq, k.name AS kind, o.name AS outcome, folio_order AS "order", vpn, pages, old_pfn, new_pfn, mapcount,
    pincount, aux, flags, stack FROM event
  JOIN word k ON k.topic = 'kind' AND k.number = event.kind
  JOIN word o ON o.topic = 'outcome' AND o.number = event.outcome ORDER BY time_ns, seq`

async function record(
  series: string,
  scenario: string,
  append: string,
): Promise<{ events: readonly Row[]; stdout: string }> {
  const { db, stdout } = await recordWhole(['--kernel', series, '--append', append], ['--', scenario])
  return { events: await query<Row>(db, SQL, 'seq'), stdout }
}

function fits(event: Row, expected: Expected): boolean {
  return (
    COLUMNS.every((column) => expected[column] === undefined || isAt(column, event, expected)) &&
    (expected.hasStack === undefined || expected.hasStack === event.stack > 0) &&
    (expected.errno?.includes(event.aux >> 8) ?? true) &&
    FLAGS.every(([name, bit]) => expected[name] === undefined || expected[name] === (event.flags & bit) > 0)
  )
}

const isAt = (column: Column, event: Row, expected: Expected): boolean => event[column] === expected[column]

/** Lines without an event, or before the event of the line above; then events that no line tells. */
function differences(stdout: string, events: readonly Row[]): unknown[] {
  const found: unknown[] = []
  const told = new Set<Row | undefined>()
  let after = 0
  for (const expected of jsonLines<Expected>(stdout, 'kind')) {
    const place = events.findIndex((event, at) => at >= after && fits(event, expected))
    if (place >= 0) told.add(events[place])
    else if (expected.atLeast !== 0) found.push({ missing: expected })
    if (place >= 0 && expected.atLeast !== 1) after = place + 1
  }
  for (const claim of jsonLines<Claim>(stdout, 'claim')) {
    const isOurs = ({ kind, vpn }: Row): boolean =>
      claim.claim.split(' ').includes(kind) && vpn >= claim.vpn && vpn < claim.vpn + claim.pages
    found.push(...events.filter((event) => isOurs(event) && !told.has(event)))
  }
  return found
}

function freedFrames(events: readonly Row[], { freed, order }: Freed): number {
  const ours = events.filter(
    (event) =>
      event.kind === 'frame-free' &&
      event.order === order &&
      event.old_pfn >= freed &&
      event.old_pfn < freed + 512,
  )
  return new Set(ours.map(({ old_pfn }) => old_pfn)).size
}

describe.each(KERNELS)('a recording made on kernel %s', (series) => {
  test.each([
    ['a program takes the right to write', 'protect', ''],
    ['NUMA balancing takes the right to touch', 'numascan', 'numa=fake=2'],
    ['a program hands faults to userfaultfd', 'uffdwp', ''],
    ['huge pages are made, split, collapsed and freed', 'thp', ''],
    ['hugetlb pages are copied, reused, unshared and freed', 'hugetlb', ''],
  ])(
    'tells how %s',
    async (_claim, scenario, append) => {
      const { events, stdout } = await record(series, scenario, append)
      expect(jsonLines<Expected>(stdout, 'kind')).not.toEqual([])
      expect(differences(stdout, events)).toEqual([])

      const freed = jsonLines<Freed>(stdout, 'freed')
      expect(freed.map((one) => freedFrames(events, one))).toEqual(freed.map(({ frames }) => frames))
    },
    RECORDING_MS,
  )
})
