/** Call stacks: the kernel's part, the program's own code, and an agent that unwinds nothing. */
import { beforeAll, describe, expect, test } from 'vitest'

import { codeOf } from '../../src/model/code.js'
import type { EventRow } from '../../src/model/event-rows.js'
import type { StackInfo } from '../../src/model/events.js'
import { Kind, Outcome, Protection } from '../../src/model/kinds.js'
import { KERNELS } from './guest-run.js'
import { RECORDING_MS } from './whole.js'
import { traceWith } from './worded-agent.js'

const LINE = 'forkloop 2 20 && pins uring 4 && protect'

type Told = Pick<EventRow, 'kind' | 'outcome' | 'aux'> & { readonly stack: StackInfo | undefined }

async function trace(series: string, words: readonly string[], options: Parameters<typeof traceWith>[3]) {
  const { agent, rows, stacks } = await traceWith(series, LINE, words, options)
  const told: readonly Told[] = rows.map(({ stack, ...row }) => ({ ...row, stack: stacks.get(stack) }))
  return { told, stacks: agent.stacks }
}

const isCopy = ({ kind, outcome }: Told): boolean => kind === Kind.WpFault && outcome === Outcome.Copy
const isOfKernel = (frame: string): boolean => !frame.startsWith('@')

describe.each(KERNELS)('an agent on kernel %s', (series) => {
  let told: readonly Told[] = []
  let stacks: string | undefined
  beforeAll(async () => {
    ;({ told, stacks } = await trace(series, [], { stacks: 'both' }))
  }, RECORDING_MS)

  test('takes both stacks for a client that asks for them', () => {
    expect(stacks).toBe('both')
  })

  test('names the code that wrote where a page was copied, by its file and its function', () => {
    const codes = told.filter(isCopy).map(({ stack }) => codeOf(stack?.frames ?? []))
    const named = codes.filter((code) => /^forkloop\+0x[0-9a-f]+ \w+\+0x[0-9a-f]+$/.test(code))
    // Each of 20 pages is copied once at least. A child that is gone when its stack is met has addresses alone.
    expect(named.length).toBeGreaterThanOrEqual(20)
    expect(codes.filter((code) => code === '')).toEqual([])
  })

  test('names who takes a reference by both of its parts', () => {
    const taken = told.filter(
      ({ kind, stack }) => kind === Kind.Gup && stack?.taker.startsWith('io_sqe') === true,
    )
    expect(taken.length).toBeGreaterThan(0)
    for (const { stack } of taken) {
      expect(stack?.frames.some(isOfKernel)).toBe(true)
      expect(codeOf(stack?.frames ?? [])).toMatch(/^pins\+0x/)
    }
  })

  test('names the code behind a write protection', () => {
    const protects = told.filter(({ kind, aux }) => kind === Kind.Wrprotect && aux === Protection.Mprotect)
    const codes = protects.map(({ stack }) => codeOf(stack?.frames ?? []))
    expect(codes.filter((code) => code.startsWith('protect+0x')).length).toBeGreaterThan(0)
  })
})

describe.each(KERNELS)('an agent with --stacks none on kernel %s', (series) => {
  test(
    'unwinds nothing, and says so',
    async () => {
      const { told, stacks } = await trace(series, ['--stacks', 'none'], {})
      expect(stacks).toBe('none')
      expect(told.filter(({ kind }) => kind === Kind.Gup).length).toBeGreaterThan(0)
      expect(told.filter(({ stack }) => stack !== undefined)).toEqual([])
    },
    RECORDING_MS,
  )
})
