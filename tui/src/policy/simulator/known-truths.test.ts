import { describe, expect, test } from 'vitest'
import { policyFor, policyNamed, POLICIES } from '../policies.js'
import type { Policy, PolicyName } from '../policy.js'
import { transitions, type Scope } from './enumerate.js'
import type { GupAsk } from './gup.js'
import type { SlotSize } from './memory.js'
import { operationText, type Operation } from './operations.js'
import { Simulator } from './simulator.js'
import type { Truth } from './truth.js'

/**
 * What stock kernels did, by programs that looked at their own memory (the table "Known truth" of the design): the
 * simulator must say the same.
 */

type Ask = Partial<GupAsk>

const PARENT = 0
const CHILD = 1

function gup(mm: number, ask: Ask = {}): Operation {
  return { name: 'gup', mm, area: 0, page: 0, ask: { kind: 'get', write: false, longterm: false, ...ask } }
}

const fork: Operation = { name: 'fork', mm: PARENT }
const write = (mm: number): Operation => ({ name: 'write', mm, area: 0, page: 0 })
const unmap = (mm: number): Operation => ({ name: 'unmap', mm, area: 0 })

/** O_DIRECT reading into memory: the device writes. */
const directRead = (policy: Policy) =>
  gup(PARENT, { kind: policy.mechanics.directIoPins ? 'pin' : 'get', write: true })

const IN_FLIGHT = (policy: Policy) => [directRead(policy), fork, write(PARENT)]
const READ_PIN = () => [fork, gup(PARENT, { kind: 'pin' }), write(PARENT)]
const ROUND_TRIP = (): readonly Operation[] => [
  gup(PARENT, { kind: 'pin', write: true }),
  { name: 'protect-read-only', mm: PARENT, area: 0 },
  { name: 'protect-writable', mm: PARENT, area: 0 },
  write(PARENT),
]
const PIPE_OF_PARENT = () => [gup(PARENT), fork, write(PARENT)]
const PIPE_OF_CHILD = () => [fork, gup(CHILD), unmap(CHILD), write(PARENT)]
const PIPE_OF_CHILD_SWAPPED = (): readonly Operation[] => [
  { name: 'swap-out', mm: PARENT, area: 0, page: 0 },
  fork,
  gup(CHILD),
  unmap(CHILD),
  { name: 'swap-out', mm: PARENT, area: 0, page: 0 },
  write(PARENT),
]
const FIXED_BUFFER = () => [gup(PARENT, { kind: 'pin', write: true, longterm: true }), fork, write(PARENT)]

type Answer = 'kept' | 'diverged' | 'leaked'
type Case = readonly [
  what: string,
  sizes: readonly SlotSize[],
  run: (policy: Policy) => readonly Operation[],
  answers: readonly Answer[],
]

const KERNELS = ['5.10.0-46-amd64', '6.1.0-50-amd64', '6.12.107+deb13-amd64', '7.2.12+deb14-amd64'] as const
const EVERYWHERE = ['base', 'thp', 'hugetlb'] as const

const CASES: readonly Case[] = [
  [
    'O_DIRECT read in flight, fork, the parent writes',
    EVERYWHERE,
    IN_FLIGHT,
    ['diverged', 'diverged', 'kept', 'kept'],
  ],
  [
    'read-only pin of a page shared by fork, its owner writes',
    ['base'],
    READ_PIN,
    ['diverged', 'kept', 'kept', 'kept'],
  ],
  ['pinned page, mprotect there and back, write', ['base'], ROUND_TRIP, ['diverged', 'kept', 'kept', 'kept']],
  [
    'vmsplice by the parent, fork, the parent writes',
    ['base'],
    PIPE_OF_PARENT,
    ['diverged', 'diverged', 'diverged', 'diverged'],
  ],
  [
    'vmsplice in the child, which unmaps, the parent writes',
    ['hugetlb'],
    PIPE_OF_CHILD,
    ['leaked', 'leaked', 'leaked', 'leaked'],
  ],
  [
    'vmsplice in the child, which unmaps, the parent writes',
    ['thp'],
    PIPE_OF_CHILD,
    ['leaked', 'kept', 'kept', 'kept'],
  ],
  ['the same with a swapped page', ['base'], PIPE_OF_CHILD_SWAPPED, ['leaked', 'kept', 'kept', 'kept']],
  [
    'io_uring fixed buffer, fork, the parent writes',
    ['base', 'thp'],
    FIXED_BUFFER,
    ['kept', 'kept', 'kept', 'kept'],
  ],
  [
    'io_uring fixed buffer, fork, the parent writes',
    ['hugetlb'],
    FIXED_BUFFER,
    ['diverged', 'kept', 'kept', 'kept'],
  ],
]

/** What became of the first pin, beyond what its owner did to itself. */
function answerOf(truths: readonly Truth[]): Answer {
  const own = truths.filter(({ isSelfInflicted }) => !isSelfInflicted)
  if (own.some(({ what }) => what === 'leaked')) return 'leaked'
  return own.length > 0 ? 'diverged' : 'kept'
}

function truthsOf(policy: Policy, size: SlotSize, run: readonly Operation[]): readonly Truth[] {
  const [simulator] = Simulator.begin(policy, [size])
  return run.flatMap((operation) => simulator.do(operation).truths)
}

describe.each(CASES)('%s (%j)', (_, sizes, run, answers) => {
  test.each(sizes)('%s', (size) => {
    const found = KERNELS.map((release) => {
      const policy = policyFor(release)
      return answerOf(truthsOf(policy, size, run(policy)))
    })
    expect(found).toEqual(answers)
  })
})

function named(name: PolicyName): Policy {
  const policy = policyNamed(name)
  if (!policy) throw new Error(`no policy ${name}`)
  return policy
}

test('CVE-2020-29374: what the parent writes shows in the pipe of its child, up to the forced break', () => {
  const answers = POLICIES.map((policy) => answerOf(truthsOf(policy, 'base', PIPE_OF_CHILD())))
  expect(answers).toEqual(['leaked', 'kept', 'kept', 'kept'])
})

/** Every operation of every run in the scope that brought a truth to light, with the run in words. */
function* findings(
  policy: Policy,
  scope: Scope,
): Generator<{ readonly run: string; readonly truth: Truth; readonly names: readonly string[] }> {
  for (const { path } of transitions(policy, scope)) {
    for (const truth of path.at(-1)?.step.truths ?? []) {
      const names = path.map(({ operation }) => operation.name)
      yield { run: path.map(({ operation }) => operationText(operation)).join(', '), truth, names }
    }
  }
}

describe('up to four operations', () => {
  const scope = (size: SlotSize): Scope => ({ sizes: [size], pins: 1, depth: size === 'thp' ? 3 : 4 })

  test('a forced break isolates whatever was taken after the last fork', () => {
    const leaks = [...findings(named('force-break'), scope('base'))].filter(
      ({ truth }) => truth.what === 'leaked',
    )
    expect(leaks.length).toBeGreaterThan(0)
    for (const { run, names } of leaks) {
      if (names.lastIndexOf('fork') < names.indexOf('gup')) expect.fail(run)
    }
  })

  test('by page count, 4 KiB pages are isolated but for those that come in from swap', () => {
    for (const { run, truth, names } of findings(named('page-count'), scope('base'))) {
      if (truth.what === 'leaked' && !names.includes('swap-out')) expect.fail(run)
    }
  })

  test('by page count, a pin for reading loses its owner by a write alone', () => {
    const runs = [...findings(named('page-count'), scope('base'))]
      .filter(({ truth }) => truth.what === 'diverged' && truth.pin.kind === 'pin' && !truth.pin.write)
      .map(({ run }) => run)
    expect(runs).toContain('fork mm 0, read-pin mm 0 slot 0.0, write mm 0 slot 0.0')
  })

  test.each(['base', 'thp', 'hugetlb'] as const)(
    'by exclusiveness, FOLL_PIN of %s stays whole unless its owner drops it',
    (size) => {
      for (const { run, truth } of findings(named('anon-exclusive'), scope(size))) {
        if (truth.pin.kind === 'pin' && !truth.isSelfInflicted) expect.fail(`${truth.what}: ${run}`)
      }
    },
  )

  test.each(['base', 'thp'] as const)('by exclusiveness, nothing of %s leaks to whoever holds it', (size) => {
    for (const { run, truth } of findings(named('anon-exclusive'), scope(size))) {
      if (truth.what === 'leaked') expect.fail(run)
    }
  })
})
