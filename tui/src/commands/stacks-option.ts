import { Option } from 'commander'
import type { WantedStacks } from '../wire/stack.js'

const WANTED: readonly WantedStacks[] = ['kernel', 'user', 'both']

/** `--stacks`, of the commands that listen to an agent. */
export function stacksOption(): Option {
  return new Option(
    '--stacks <which>',
    'take these call stacks, beside what the agent takes by itself',
  ).choices(WANTED)
}
