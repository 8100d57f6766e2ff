import { alarmsOf } from './live-findings.js'
import type { HostBrief, HostRow } from './live-snapshot.js'
import { lostEvents } from './overview.js'
import { printable } from './printable.js'
import type { Column } from './table.js'
import { bytes, count } from './units.js'
import type { ViewOptions } from './view-options.js'

/** What a host comes to in one line; `isShown` where the views show it. */
export function hostRow(brief: HostBrief, isShown: boolean): HostRow {
  const { agent, connection, totals, verdicts } = brief
  return {
    endpoint: connection.endpoint,
    hostname: agent?.hostname ?? '',
    kernelRelease: agent?.kernelRelease ?? '',
    state: connection.state,
    events: totals.events,
    copiedBytes: totals.copiedBytes,
    lost: lostEvents(brief),
    alarms: alarmsOf(verdicts),
    isShown,
  }
}

export function hostColumns({ charset }: ViewOptions): readonly Column<HostRow>[] {
  const left = { align: 'left', grow: 0, dropOrder: 0 } as const
  const number = (id: 'events' | 'lost' | 'alarms', width: number): Column<HostRow> => ({
    id,
    title: id,
    align: 'right',
    width,
    grow: 0,
    dropOrder: 0,
    value: (row) => row[id],
    text: (row) => count(row[id]),
    ...(id === 'events' ? {} : { role: (row: HostRow) => (row[id] > 0 ? 'bad' : 'plain') }),
  })
  return [
    { ...left, id: 'shown', title: '', width: 5, text: (row) => (row.isShown ? 'shown' : '') },
    {
      ...left,
      id: 'host',
      title: 'host',
      width: 12,
      grow: 1,
      most: 30,
      text: (row) => (row.hostname === '' ? '?' : printable(row.hostname, charset)),
    },
    {
      ...left,
      id: 'state',
      title: 'state',
      width: 12,
      text: (row) => row.state,
      role: (row) => (row.state === 'connected' ? 'good' : 'warn'),
    },
    number('alarms', 7),
    number('lost', 9),
    number('events', 12),
    {
      ...left,
      id: 'copied',
      title: 'copied',
      align: 'right',
      width: 9,
      dropOrder: 1,
      value: (row) => row.copiedBytes,
      text: (row) => bytes(row.copiedBytes),
    },
    {
      ...left,
      id: 'kernel',
      title: 'kernel',
      width: 16,
      grow: 1,
      most: 30,
      dropOrder: 2,
      text: (row) => printable(row.kernelRelease, charset),
    },
    {
      ...left,
      id: 'endpoint',
      title: 'endpoint',
      width: 12,
      grow: 2,
      dropOrder: 3,
      text: (row) => printable(row.endpoint, charset),
    },
  ]
}
