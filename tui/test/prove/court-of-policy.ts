import { expect, test } from 'vitest'
import { policyNamed } from '../../src/policy/policies.js'
import type { PolicyName } from '../../src/policy/policy.js'
import type { Judged } from './court.js'
import { canBeKnown, complaints, untoldIn } from './expected.js'
import { search, type Progress, type Scope, type Tried } from './search.js'
import { operationsOf, textOf } from './trail.js'

interface Books {
  /** Operations that lost a pin that the rules can know of. */
  lost: number
  found: number
  unknown: number
  /** Findings of FOLL_GET that are not true, though nothing that is told differs from where they are: see `Untold`. */
  trueElsewhere: number
}

/** A search of minutes tells how far it has come: it may be stopped. */
const TOLD_EVERY_MS = 60_000

/** The tests of one policy: the rules say what memory says in every run of the scopes. */
export function proveUnder(name: PolicyName, scopes: readonly Scope[]): void {
  const policy = policyNamed(name)
  if (!policy) throw new Error(`no policy ${name}`)
  test.each(scopes)('the rules say what memory says in every run of $depth operations on $sizes', (scope) => {
    const books: Books = { lost: 0, found: 0, unknown: 0, trueElsewhere: 0 }
    const wrong: string[] = []
    const started = performance.now()
    const what = `${name}, ${scope.sizes.join(' and ')}, ${scope.pins} pins, depth ${scope.depth}`
    let toldAt = started
    const each = (judged: Judged<Tried>) => {
      const { trail, last } = judged.case
      // Nothing was lost, and nothing said.
      if (last.truths.length === 0 && judged.raised.length === 0) return
      const untold = untoldIn(operationsOf(trail), judged.case.before)
      const { wrong: found, trueElsewhere } = complaints(judged, untold)
      for (const complaint of found) wrong.push(`${complaint}: ${textOf(trail)}`)
      books.trueElsewhere += trueElsewhere
      if (isDoubtful(judged)) wrong.push(`in doubt: ${textOf(trail)}`)
      enter(books, judged)
    }
    const progress = ({ length, done, of }: Progress) => {
      if (performance.now() < toldAt + TOLD_EVERY_MS) return
      toldAt = performance.now()
      const far = `at operation ${length}, in state ${done} of ${of}, ${wrong.length} wrong`
      process.stdout.write(`${what}: ${far}: ${JSON.stringify(books)}\n`)
    }
    const counts = search(policy, scope, { each, progress })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${what}: ${JSON.stringify({ ...counts, ...books })} in ${seconds} s\n`)
    expect(wrong.slice(0, 40), `${wrong.length} in all`).toEqual([])
    expect(books.found).toBeGreaterThan(books.unknown)
  })
}

function enter(books: Books, { case: { last }, raised }: Judged): void {
  if (!last.truths.some(canBeKnown)) return
  books.lost++
  if (raised.length > 0) books.found++
  else books.unknown++
}

/**
 * What fork did to a page is deduced: there a FOLL_PIN may be lost in doubt. And an unpin tells a frame, no address: where its page
 * was pinned through two addresses, before mremap and after, it may have meant either.
 */
function isDoubtful({ case: { last, trail }, raised, isUnknown }: Judged<Tried>): boolean {
  if (!isUnknown || raised.length > 0) return false
  if (!last.truths.some((truth) => canBeKnown(truth) && truth.pin.kind === 'pin')) return false
  const names = new Set(operationsOf(trail).map(({ name }) => name))
  return !names.has('fork') && !(names.has('remap') && names.has('release'))
}
