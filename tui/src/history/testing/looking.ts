import { Kind } from '../../model/kinds.js'
import { History, type HistoryCounts, type HistoryOptions } from '../history.js'
import type { HistoryView } from '../judge.js'
import { batchOf, type EventRow, numbered } from './events.js'
import { factLog, type LoggedFact } from './fact-log.js'

/** Test support: what the history shows behind some events. */
export interface Looked<Seen> {
  readonly seen: Seen
  readonly facts: readonly LoggedFact[]
  readonly counts: HistoryCounts
}

export function afterwards<Seen>(
  events: readonly Partial<EventRow>[],
  look: (view: HistoryView) => Seen,
  options: HistoryOptions = {},
): Looked<Seen> {
  const { sink, facts } = factLog()
  const seen: Seen[] = []
  const judge = {
    begin: () => undefined,
    judge: (_events: unknown, i: number, view: HistoryView) => {
      if (i === events.length) seen.push(look(view))
    },
  }
  const history = new History(sink, { ...options, judge })
  history.begin(1, 1)
  // A last event that says nothing, so that all before it are applied when it is judged.
  history.apply(batchOf(numbered([...events, { kind: Kind.UffdMessage, mm: 1 }])))
  history.finish()
  return { seen: seen[0], facts, counts: history.counts() }
}

/** The arguments of all facts of one name. */
export function argsOf(
  facts: readonly LoggedFact[],
  name: LoggedFact['name'],
): readonly (readonly unknown[])[] {
  return facts.filter((fact) => fact.name === name).map(({ args }) => args)
}
