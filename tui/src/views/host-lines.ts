import type { LegBooks } from '../model/events.js'
import { leftOutWords } from '../model/left-out.js'
import { span, type Line } from './line.js'
import type { LiveSnapshot } from './live-snapshot.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { targetWords } from './target.js'
import { bytes, count, duration } from './units.js'
import type { ViewOptions } from './view-options.js'
import { wrapped } from './wrapped.js'

/** What the agent costs its host, how full its ring is, and what it is asked for: three lines. */
export function agentLines({ agent, load, filter }: LiveSnapshot, { charset }: ViewOptions): readonly Line[] {
  if (agent === null) return [[span('not connected yet', 'warn')], [], []]
  const ring =
    load === null || load.ringSizeBytes === 0
      ? '-'
      : `${((100 * load.ringUsedBytes) / load.ringSizeBytes).toFixed(1)} % of ${bytes(load.ringSizeBytes)}`
  return [
    [
      span(printable(agent.hostname, charset), 'strong'),
      span(
        `  Linux ${printable(agent.kernelRelease, charset)}  ${agent.cpus} CPUs  agent ${printable(agent.agentVersion, charset)}`,
      ),
    ],
    [
      span(
        load === null
          ? 'no heartbeat yet'
          : `agent: resident ${bytes(load.residentBytes)}, CPU ${load.cpuShare === null ? '-' : `${(100 * load.cpuShare).toFixed(1)} %`} (${duration(load.cpuNs)} in all), ring ${ring}`,
      ),
    ],
    [
      span('traced for this client: '),
      span(filter === null ? 'everything' : targetWords(filter, charset), 'strong'),
      span('  (:filter changes it; / only hides rows)', 'dim'),
      ...leftOutWords(agent).map((words) => span(`  ${words}`, 'warn')),
    ],
  ]
}

/** Its hook and its books. */
export function legColumns({ charset }: ViewOptions): readonly Column<LegBooks>[] {
  const number = (
    id: 'seen' | 'submitted' | 'filtered' | 'throttled' | 'missed',
    dropOrder: number,
    width = 9,
  ): Column<LegBooks> => ({
    id,
    title: id,
    align: 'right',
    width,
    grow: 0,
    dropOrder,
    value: (row) => row[id],
    text: (row) => count(row[id]),
    ...(id === 'missed' ? { role: (row: LegBooks) => (row.missed > 0 ? 'warn' : 'plain') } : {}),
  })
  return [
    {
      id: 'leg',
      title: 'leg',
      align: 'left',
      width: 11,
      grow: 0,
      dropOrder: 0,
      text: (row) => printable(row.name, charset),
    },
    number('seen', 0),
    number('submitted', 0),
    {
      id: 'ring',
      title: 'ring full',
      align: 'right',
      width: 9,
      grow: 0,
      dropOrder: 0,
      value: (row) => row.ringFull,
      text: (row) => count(row.ringFull),
      role: (row) => (row.ringFull > 0 ? 'bad' : 'plain'),
    },
    number('filtered', 3),
    number('throttled', 2),
    number('missed', 0, 7),
    {
      id: 'hook',
      title: 'hook',
      align: 'left',
      width: 12,
      grow: 1,
      dropOrder: 0,
      text: (row) => printable(row.attached ? row.hook : `NOT ATTACHED: ${row.reasons.join('; ')}`, charset),
      role: (row) => (row.attached ? 'plain' : 'warn'),
    },
  ]
}

/** One leg with all that its line has no room for. */
export function legLines(leg: LegBooks, { width, charset }: ViewOptions): readonly Line[] {
  const plain = (words: string) => wrapped(printable(words, charset), width).map((line): Line => [span(line)])
  return [
    [
      span(`leg ${printable(leg.name, charset)}`, 'title'),
      span(leg.attached ? '  attached' : '  NOT ATTACHED', leg.attached ? 'good' : 'warn'),
    ],
    [],
    ...(leg.hook === '' ? [] : plain(`hook: ${leg.hook}`)),
    ...leg.reasons.flatMap((reason) => plain(`refused: ${reason}`)),
    [],
    [
      span(
        `seen ${count(leg.seen)} = submitted ${count(leg.submitted)} + ring full ${count(leg.ringFull)} + filtered ${count(leg.filtered)} + throttled ${count(leg.throttled)} + missed ${count(leg.missed)}`,
      ),
    ],
  ]
}
