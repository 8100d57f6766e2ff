/** What the rules say of a stream that tells one page in two, against what they say of the whole. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { History } from '../history/history.js'
import { batchOf, numbered, type EventRow } from '../history/testing/events.js'
import { NO_FACTS } from '../model/facts.js'
import { Kind } from '../model/kinds.js'
import { isChosen } from '../model/sample.js'
import type { Policy } from '../policy/policy.js'
import { POLICIES } from '../policy/policies.js'
import { played, runs } from '../policy/simulator/testing/runs.js'
import { LEGS } from './legs.js'
import { Rules } from './rules.js'

/** Of the pages of an area, which follow each other, about one in two is chosen. */
const ONE_IN = 2

/** Those of which an agent tells only what is about a chosen page; a folio is told as a whole. */
const OF_ONE_PAGE: readonly number[] = [
  Kind.WpFault,
  Kind.ForkCopy,
  Kind.AnonNew,
  Kind.Gup,
  Kind.UffdMessage,
  Kind.SwapOut,
  Kind.SwapIn,
  Kind.KsmMerge,
]

function isOfOnePage({ kind, order, pages, mm }: EventRow): boolean {
  if (kind === Kind.AnonNew || kind === Kind.ForkCopy) return order === 0
  if (kind === Kind.SwapIn) return pages <= 1
  return OF_ONE_PAGE.includes(kind) && mm !== 0
}

/** As the programs thin them: by the page, and an unpin by the frames that were told as taken. */
function thinned(rows: readonly EventRow[]): readonly EventRow[] {
  const taken = new Set<number>()
  return rows.flatMap((row) => {
    const pages = Array.from({ length: Math.max(1, row.pages) }, (_, page) => page)
    if (row.kind === Kind.Gup)
      return pages
        .filter((page) => isChosen(row.vpn + page, ONE_IN))
        .map((page) => {
          taken.add(row.oldPfn + page)
          return { ...row, vpn: row.vpn + page, oldPfn: row.oldPfn + page, pages: 1 }
        })
    if (row.kind === Kind.Unpin)
      return pages
        .filter((page) => taken.has(row.oldPfn + page))
        .map((page) => ({ ...row, oldPfn: row.oldPfn + page, pages: 1 }))
    return !isOfOnePage(row) || isChosen(row.vpn, ONE_IN) ? [row] : []
  })
}

/** What the rules answered, by the time of the event, which names it: `R05 broken`, `R01 held`. */
function answers(
  policy: Policy,
  rows: readonly EventRow[],
  onePageIn: number,
): ReadonlyMap<number, ReadonlySet<string>> {
  const counted = new Map<string, number>()
  const found = new Map<number, Set<string>>()
  let timeNs = 0
  const rules = new Rules({
    policy,
    legs: LEGS.map((name) => ({ name, attached: true })),
    sink: {
      finding: () => undefined,
      ruleCounts: (counts) => {
        for (const { rule, size, broken, held, unknown } of counts)
          for (const [answer, count] of Object.entries({ broken, held, unknown })) {
            const key = `${rule} ${size} ${answer}`
            if (count > (counted.get(key) ?? 0))
              found.set(timeNs, (found.get(timeNs) ?? new Set()).add(`${rule} ${answer}`))
            counted.set(key, count)
          }
      },
    },
  })
  const history = new History(NO_FACTS, {
    judge: {
      begin: () => {
        rules.begin()
      },
      judge: (events, i, view) => {
        timeNs = events.timeNs[i]
        rules.judge(events, i, view)
        rules.finish()
      },
    },
  })
  history.begin(1, 1, undefined, onePageIn)
  // Numbers join, whatever was left out.
  history.apply(batchOf(rows.map((row, at) => ({ ...row, seq: at + 1 }))))
  history.finish()
  return found
}

/** Of these the last two are chosen where the simulator puts them. */
const AREAS = ['base', 'base', 'base', 'base', 'base'] as const

const isBroken = (answer: string): boolean => answer.endsWith('broken')

describe.each(POLICIES)('under $name', (policy) => {
  test('a sample accuses of nothing that the whole does not', () => {
    fc.assert(
      fc.property(runs(3, 30), (run) => {
        const rows = numbered(
          played(policy, ['base', 'thp', 'hugetlb'], run).steps.flatMap(({ told }) => told),
        )
        const whole = answers(policy, rows, 1)
        for (const [at, said] of answers(policy, thinned(rows), ONE_IN))
          for (const accusation of [...said].filter(isBroken))
            expect([...(whole.get(at) ?? [])], `at ${at}`).toContain(accusation)
      }),
      { numRuns: 300 },
    )
  })

  test('of small pages that are chosen it says all that the whole does, but for those that mremap brings from elsewhere', () => {
    let said = 0
    fc.assert(
      fc.property(runs(AREAS.length, 60), (run) => {
        // What happened to a page where it was not chosen is not told.
        const settled = run.filter(({ name }) => name !== 'remap')
        const rows = numbered(played(policy, AREAS, settled).steps.flatMap(({ told }) => told))
        const sample = answers(policy, thinned(rows), ONE_IN)
        const whole = answers(policy, rows, 1)
        for (const row of rows.filter(isOfOnePage)) {
          if (!isChosen(row.vpn, ONE_IN) || row.pages > 1) continue
          expect(sample.get(row.timeNs), `at ${row.timeNs}`).toEqual(whole.get(row.timeNs))
          said += whole.get(row.timeNs)?.size ?? 0
        }
      }),
      { numRuns: 300 },
    )
    expect(said).toBeGreaterThan(0)
  })
})
