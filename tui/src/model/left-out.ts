import type { AgentInfo } from './events.js'

/** What an agent leaves out because it was told to: nobody is to take a share for the whole. A sentence each. */
export function leftOutWords({
  stacks,
  onePageIn = 1,
}: Pick<AgentInfo, 'stacks' | 'onePageIn'>): readonly string[] {
  const isUnknown = stacks === 'none' || stacks === 'user'
  return [
    ...(onePageIn > 1
      ? [
          `a sample: of ${onePageIn} pages the history of one is told (--pages 1/${onePageIn}); ranges and forks are whole`,
        ]
      : []),
    ...(isUnknown
      ? [
          `the agent takes no stacks of the kernel (--stacks ${stacks}): who takes references and who splits is not known`,
        ]
      : []),
  ]
}
