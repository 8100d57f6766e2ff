import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { LabError, reason } from './error.js'
import { buildScenarios, caseFamilies } from './scenarios.js'

const run = promisify(execFile)

/** What cowpath is to say where memory diverges or leaks; of `hazard` and `violation` either, by the kernel's era. */
export type Meaning = 'hazard' | 'measured' | 'self-inflicted'

/** One situation of a page, which a program of agent/lab/cases brings about and judges by what memory holds. */
export interface LabCase {
  /** Its name, `FAMILY-WHAT`. */
  readonly name: string
  readonly family: string
  /** The words that run it in the guest. */
  readonly command: readonly string[]
  readonly means: Meaning
}

/** What a guest must be like for all cases: a slow disk, swap, huge pages set aside, and a second memory node. */
export const CASE_MACHINE: CaseMachine = {
  disk: 'ext4,throttle=200000',
  swap: '64M',
  memory: '768M',
  nodes: 2,
  append: 'hugepages=16',
}

export interface CaseMachine {
  readonly disk: string
  readonly swap: string
  readonly memory: string
  readonly nodes: number
  readonly append: string
}

/** All cases, as the programs themselves name them. */
export async function labCases(): Promise<LabCase[]> {
  const built = await buildScenarios()
  const families = caseFamilies().map(async (family) => {
    const program = built.get(family) ?? family
    try {
      const { stdout } = await run(program, ['list'])
      return casesOf(family, stdout)
    } catch (thrown) {
      throw new LabError(
        `cannot ask ${program} for its cases: ${reason(thrown)}. Remove it: it is built again`,
      )
    }
  })
  return (await Promise.all(families)).flat()
}

/** What `FAMILY list` printed: a case a line, name and meaning apart by a tab. */
export function casesOf(family: string, listed: string): LabCase[] {
  return listed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', means = ''] = line.split('\t')
      if (!name.startsWith(`${family}-`) || !isMeaning(means))
        throw new LabError(`${family} list says "${line}", which names no case. See agent/lab/cases/case.h`)
      return { name, family, command: [family, name.slice(family.length + 1)], means }
    })
}

function isMeaning(word: string): word is Meaning {
  return word === 'hazard' || word === 'measured' || word === 'self-inflicted'
}
