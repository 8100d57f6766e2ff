/** Which call stacks an agent takes: `Stacks` of proto/cowpath/v1/agent.proto. */
export type TakenStacks = 'none' | 'kernel' | 'user' | 'both'
