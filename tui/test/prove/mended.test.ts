import { expect, test } from 'vitest'
import { policyNamed } from '../../src/policy/policies.js'
import type { PolicyName } from '../../src/policy/policy.js'
import type { SlotSize } from '../../src/policy/simulator/memory.js'
import { Simulator, type Step } from '../../src/policy/simulator/simulator.js'
import { Court, type Judged } from './court.js'
import { verdictOf } from './expected.js'
import { runOf } from './runs-as-text.js'

/** Runs in which the rules once said other than memory: what memory says, and what the rules say now. */

type Mended = readonly [what: string, PolicyName, SlotSize, run: string, memory: string, rules: string]

const MENDED: readonly Mended[] = [
  [
    'a page that moved away and back was not lost by moving',
    'mapcount',
    'base',
    'ksm-join mm 0 slot 0.0, read-pin mm 0 slot 0.0, remap mm 0 slot 0, remap mm 0 slot 0, write mm 0 slot 0.0',
    'diverged read-pin hazard',
    'R05 hazard pin',
  ],
  [
    'an unpin by another task may have given back the pin of either process: the page of the one is kept',
    'mapcount',
    'base',
    'fork mm 0, read-pin mm 0 slot 0.0, read-pin mm 1 slot 0.0, release pin 2, write mm 1 slot 0.0',
    '',
    'no alarm',
  ],
  [
    'an unpin by another task may have given back the pin of either process: the page of the other is lost',
    'mapcount',
    'base',
    'fork mm 0, read-pin mm 0 slot 0.0, read-pin mm 1 slot 0.0, release pin 2, write mm 0 slot 0.0',
    'diverged read-pin hazard',
    'unknown',
  ],
  [
    'a break of COW that a reader forces leaves a read-only page read-only: nobody can write it',
    'force-break',
    'base',
    'protect-read-only mm 0 slot 0, read-get mm 0 slot 0.0, fork mm 0, exit mm 0, read-get mm 0 slot 0.0',
    '',
    'no alarm',
  ],
  [
    'a hugetlb page that was made exclusive for a pin may still be held by a FOLL_GET of another',
    'anon-exclusive',
    'hugetlb',
    'fork mm 0, read-get mm 0 slot 0.0, exit mm 0, read-pin mm 0 slot 0.0, write mm 0 slot 0.0',
    'leaked read-get hazard',
    'R06 hazard get',
  ],
  [
    'a page of a THP that PTEs map elsewhere is no reference on it',
    'anon-exclusive',
    'thp',
    'fork mm 0, split-pmd mm 0 slot 0, read-get mm 1 slot 0.0, release pin 1, write mm 1 slot 0.0',
    '',
    'no alarm',
  ],
  [
    'the second page of a folio that was split is known as well as the first',
    'page-count',
    'thp',
    'split-folio mm 0 slot 0, write-pin mm 0 slot 0.1, uffd-wp mm 0 slot 0, uffd-resolve mm 0 slot 0, write mm 0 slot 0.1',
    'diverged write-pin hazard',
    'R05 hazard pin',
  ],
  [
    'what waits for the LRU is no reference of GUP, where mappings alone decide who writes in place',
    'force-break',
    'base',
    'batch mm 0 slot 0.0, read-get mm 0 slot 0.0, release pin 1, fork mm 0, exit mm 0, write mm 0 slot 0.0',
    '',
    'no alarm',
  ],
  [
    "the writer's own FOLL_PIN is no reference that another took by FOLL_GET",
    'mapcount',
    'base',
    'fork mm 0, read-get mm 0 slot 0.0, release pin 1, exit mm 0, read-pin mm 0 slot 0.0, write mm 0 slot 0.0',
    '',
    'no alarm',
  ],
]

test.each(MENDED)('%s', (_, name, size, text, memory, rules) => {
  const judged = lastOf(name, size, text)
  expect(truthText(judged.case.last)).toBe(memory)
  expect(answerText(judged)).toBe(rules)
})

function lastOf(name: PolicyName, size: SlotSize, text: string): Judged {
  const policy = policyNamed(name)
  if (!policy) throw new Error(`no policy ${name}`)
  const [simulator, begin] = Simulator.begin(policy, [size], 1)
  const steps = runOf(text).map((operation) => simulator.do(operation))
  const last = steps.at(-1)
  if (!last) throw new Error('a run of no operation')
  const before = [...begin, ...steps.slice(0, -1).flatMap(({ told }) => told)]
  const court = new Court(policy, 1)
  court.bring({ before, last })
  return court.judge()[0]
}

function truthText({ truths }: Step): string {
  return truths
    .map(
      (truth) => `${truth.what} ${truth.pin.write ? 'write' : 'read'}-${truth.pin.kind} ${verdictOf(truth)}`,
    )
    .join()
}

function answerText({ raised, isUnknown }: Judged): string {
  if (raised.length === 0) return isUnknown ? 'unknown' : 'no alarm'
  return raised.map(({ rule, verdict, kind = '' }) => `${rule} ${verdict} ${kind}`).join()
}
