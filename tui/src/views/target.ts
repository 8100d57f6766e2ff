import { printable, type Charset } from './printable.js'

/** What is asked of an agent to tell: conditions are alternatives, none of them is everything. */
export interface ClientTarget {
  readonly pids: readonly number[]
  readonly comms: readonly string[]
}

/** True where nothing in particular is asked for. */
export function isEverything(target: ClientTarget | null): boolean {
  return target === null || target.pids.length + target.comms.length === 0
}

/** `pid=812 comm=redis`; `everything` where nothing is asked for. */
export function targetWords({ pids, comms }: ClientTarget, charset: Charset): string {
  const terms = [
    ...pids.map((pid) => `pid=${pid}`),
    ...comms.map((comm) => `comm=${printable(comm, charset)}`),
  ]
  return terms.length === 0 ? 'everything' : terms.join(' ')
}

/** What `:filter` is given: `pid=812 comm=redis`, each term an alternative. In words why it cannot be asked for, else. */
export function parseTarget(text: string): ClientTarget | { readonly wrong: string } {
  const pids: number[] = []
  const comms: string[] = []
  for (const word of text.trim().split(/\s+/)) {
    if (word === '') continue
    const match = /^(pid|comm)=(.+)$/.exec(word)
    if (match === null)
      return { wrong: `${word}: the agent chooses by pid=N and comm=NAME alone; / filters what is shown` }
    const [, field, value] = match
    if (field === 'comm') comms.push(value)
    else if (/^[1-9]\d{0,6}$/.test(value)) pids.push(Number(value))
    else return { wrong: `${word}: a pid is a number` }
  }
  return { pids, comms }
}
