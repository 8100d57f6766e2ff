import { expect, test } from 'vitest'
import type { StreamItem } from '../model/events.js'
import { Kind } from '../model/kinds.js'
import { plainText } from './line.js'
import { liveJson } from './live-json.js'
import { LiveModel } from './live-model.js'
import { statusLine } from './live-status.js'
import { latestColumns } from './latest-pages.js'
import { headerLines, rateLines } from './overview.js'
import { busiest, processColumns } from './processes.js'
import { sortRows } from './rows.js'
import { renderTable } from './table.js'
import {
  batchOf,
  heartbeatAt,
  syntheticAgent,
  syntheticLeg,
  syntheticSecond,
} from './testing/synthetic-stream.js'
import { syntheticJudgement } from './testing/synthetic-judgement.js'
import { versionRemark } from './versions.js'
import { textWidth } from './width.js'
import { signs, type ViewOptions } from './view-options.js'

function modelWith(items: readonly StreamItem[], agent = syntheticAgent()): LiveModel {
  const model = new LiveModel('unix:/run/cowpath/agent.sock')
  model.accept({ type: 'started', agent, nextSeq: 1 }, 1000)
  for (const item of items) model.accept(item, 1000)
  return model
}

function tables(options: ViewOptions) {
  const table = { width: options.width, sortMark: '', cutMark: signs(options.charset).cut }
  return [
    ...renderTable(processColumns(options), busy.processes, { ...table, selected: 2 }),
    ...renderTable(latestColumns(options), busy.latest, table),
  ]
}

const busy = modelWith([100, 101, 102].flatMap((second) => syntheticSecond(second, 300))).snapshot()

test.each([80, 120, 200])('no line of any view is wider than %i columns', (width) => {
  for (const charset of ['unicode', 'ascii'] as const) {
    const options = { width, charset }
    const lines = [
      ...headerLines(busy, 5000, options),
      statusLine(busy, 0, options),
      ...rateLines(busy, options),
      ...tables(options),
    ]
    for (const line of lines) expect(textWidth(plainText(line))).toBeLessThanOrEqual(width)
    if (charset === 'ascii') for (const line of lines) expect(plainText(line)).toMatch(/^[ -~]*$/)
  }
})

test('the header says host, kernel, how long connected, legs, lag and losses', () => {
  const text = headerLines(busy, 66_000, { width: 120, charset: 'unicode' }).map(plainText)
  expect(text[0]).toBe('cowpath  db-7  Linux 6.1.0-32-amd64  connected 1m05s')
  expect(text[1]).toMatch(/^legs 6\/6 {2}lag .* lost 0 {2}events 900 {2}copied /)
})

test('a leg that is missing is named', () => {
  const legs = [
    syntheticLeg('wp-fault'),
    syntheticLeg('huge-wp', { attached: false, reasons: ['no such function'] }),
  ]
  const snapshot = modelWith([], syntheticAgent({ legs })).snapshot()
  const [, health] = headerLines(snapshot, 2000, { width: 80, charset: 'unicode' })
  expect(plainText(health)).toContain('legs 1/2 (without huge-wp)')
})

test('at 80 columns a page event still shows all that identifies it', () => {
  const model = modelWith([
    batchOf(
      [
        {
          timeNs: 12.3456e9,
          tgid: 812,
          kind: 1,
          outcome: 2,
          vpn: 0x7f5e1c200,
          oldPfn: 1234567,
          newPfn: 1234999,
          refcount: 2,
          mapcount: 2,
        },
      ],
      [{ tgid: 812, parentTgid: 1, mm: 1, comm: 'redis', startTimeNs: 0 }],
    ),
  ])
  const [title, row] = renderTable(
    latestColumns({ width: 80, charset: 'unicode' }),
    model.snapshot().latest,
    { width: 80, sortMark: '', cutMark: '…' },
  )
  expect(plainText(title)).toBe(
    '   time s    pid comm     fault   outcome address        pfn old→new       r/map',
  )
  expect(plainText(row)).toBe(
    '   12.346    812 redis    wp      copy    0x7f5e1c200000 1234567→1234999   2/2  ',
  )
})

test('rows sort by any column, numbers from the greatest and words from A, or the other way', () => {
  const columns = processColumns({ width: 80, charset: 'unicode' })
  const sorted = (column: string, direction: 'natural' | 'reversed') =>
    sortRows(columns, busiest(busy.processes), { column, direction })
  const pids = sorted('pid', 'reversed').map((row) => row.tgid)
  expect(pids).toEqual([...pids].sort((a, b) => a - b))
  const copies = sorted('copies', 'natural').map((row) => row.copies)
  expect(copies).toEqual([...copies].sort((a, b) => b - a))
  expect(sorted('no such column', 'natural')).toEqual(busiest(busy.processes))
})

test('a hostile comm cannot reach the terminal raw', () => {
  const lines = tables({ width: 120, charset: 'unicode' })
  for (const line of lines) expect(plainText(line)).not.toMatch(/\p{C}/u)
  expect(lines.map(plainText).join('\n')).toContain('\\x1b[2Jevil')
})

const wide = { width: 200, charset: 'unicode' } as const

test('before the agent answers the screen says so, and why', () => {
  const model = new LiveModel('unix:/run/x.sock')
  model.setConnection({ state: 'connecting', endpoint: 'unix:/run/x.sock', why: 'no such file' })
  expect(plainText(statusLine(model.snapshot(), 0, wide))).toBe(
    'Connecting to unix:/run/x.sock (no such file)',
  )
})

test('no events yet: the likeliest reason is given', () => {
  const quiet = modelWith([heartbeatAt(5e9)])
  expect(plainText(statusLine(quiet.snapshot(), 0, wide))).toContain('has forked or written to a shared page')
  const filtered = modelWith([heartbeatAt(5e9, [syntheticLeg('wp-fault', { seen: 40, filtered: 40 })])])
  expect(plainText(statusLine(filtered.snapshot(), 0, wide))).toContain('40 were seen that came to nothing')
  const blind = modelWith([
    heartbeatAt(5e9, [
      syntheticLeg('wp-fault', { attached: false, reasons: ['not traceable'] }),
      syntheticLeg('fork'),
    ]),
  ])
  expect(plainText(statusLine(blind.snapshot(), 0, wide))).toContain(
    'leg wp-fault is not attached (not traceable)',
  )
})

test('losses are told by where they happened', () => {
  const loss = {
    hop: 'client-queue',
    count: 1234,
    firstSeq: 1,
    lastSeq: 1234,
    fromNs: 0,
    untilNs: 0,
    leg: '',
  } as const
  const model = modelWith([{ type: 'loss', loss }])
  expect(plainText(statusLine(model.snapshot(), 0, wide))).toBe(
    'LOST 1,234 because this client was slow: the numbers below are floors',
  )
})

test('no events yet of what was asked for: others are counted', () => {
  const model = modelWith([heartbeatAt(5e9, [syntheticLeg('wp-fault', { seen: 40, submitted: 40 })])])
  model.setFilter({ pids: [812], comms: [] })
  expect(plainText(statusLine(model.snapshot(), 0, wide))).toBe(
    'No events yet of pid=812, of others 40: is it running, and does it fork or write?',
  )
})

test('that all that was asked for has ended is said; not while there is more to come', () => {
  const model = modelWith([batchOf([{ kind: Kind.MmExit, tgid: 812 }])])
  model.setFilter({ pids: [812], comms: [] })
  expect(plainText(statusLine(model.snapshot(), 0, wide))).toContain('EXITED: pid=812')
  model.setFilter({ pids: [812, 813], comms: [] })
  expect(plainText(statusLine(model.snapshot(), 0, wide))).not.toContain('EXITED')
})

test('a broken connection: since when, and in the end what nobody saw', () => {
  const model = modelWith(syntheticSecond(100, 10))
  const broken = { state: 'reconnecting', endpoint: '', why: 'it ended' } as const
  model.setConnection({ ...broken, sinceWallMs: 1000 })
  model.setConnection({ ...broken, sinceWallMs: 9000 })
  expect(plainText(statusLine(model.snapshot(), 13_000, wide))).toBe(
    'RECONNECTING for 12.0 s (it ended): what is missed will be counted',
  )
  model.setConnection({ state: 'connected', endpoint: '', sinceWallMs: 31_000 })
  model.accept({ type: 'started', agent: syntheticAgent({ bootId: 'another' }), nextSeq: 1 }, 31_000)
  expect(plainText(statusLine(model.snapshot(), 31_000, wide))).toBe(
    'NOT SEEN: the agent was started anew, nobody looked for 30.0 s',
  )
})

test('events of a kind that only a newer client knows are counted and told', () => {
  const model = modelWith([batchOf([{ kind: 250 }, { kind: Kind.Fork }])])
  expect(plainText(statusLine(model.snapshot(), 0, wide))).toContain('UNKNOWN: 1 events of kinds')
})

test.each([
  ['0.1.0', '0.1.7', ''],
  ['0.1.0', '0.2.0', 'AGENT 0.2.0 IS NEWER than this client 0.1.0'],
  ['1.0.0', '0.9.3', 'AGENT 0.9.3 IS OLDER than this client 1.0.0'],
  ['', '0.2.0', ''],
])('client %s, agent %s: %s', (client, agent, said) => {
  expect(versionRemark(client, agent)?.[0] ?? '').toContain(said)
  expect(versionRemark(client, agent) === undefined).toBe(said === '')
})

test('the JSON line has the content of the screen, with units in the names', () => {
  const json: unknown = JSON.parse(JSON.stringify(liveJson(busy)))
  expect(json).toMatchObject({
    connection: 'connected',
    host: 'db-7',
    kernel: '6.1.0-32-amd64',
    lost: { ring: 0, not_entered: 0, client_queue: 0, replay: 0 },
    totals: { events: 900 },
    latest: expect.arrayContaining([
      expect.objectContaining({ address: expect.stringMatching(/^0x7f5e1c/) as string }),
    ]) as unknown[],
  })
})

test('the JSON line tells findings, pins and rules with the names that the commands give them', () => {
  const model = new LiveModel('unix:///run/cowpath/agent.sock')
  model.accept({ type: 'started', agent: syntheticAgent(), nextSeq: 1 }, 0)
  syntheticJudgement(model)
  const json: unknown = JSON.parse(JSON.stringify(liveJson(model.snapshot())))
  expect(json).toMatchObject({
    verdicts: { hazard: 3, advice: 40 },
    findings: [
      {
        rule: 'R05',
        verdict: 'hazard',
        count: 3,
        pid: 800,
        address: '0x7f5e1c200000',
        size: '4k',
        cause: 'fork',
        reference: {
          kind: 'get',
          write: true,
          longterm: false,
          taker: '__blkdev_direct_IO_simple',
          pid: 800,
        },
      },
      { rule: 'A01', verdict: 'advice' },
    ],
    rules: [
      { rule: 'R05', checked: 9000, held: 8990, broken: 3, unknown: 7 },
      { rule: 'A01', checked: 400 },
    ],
    pins: [
      { kind: 'pin', longterm: true, pages: 16, taker: 'io_sqe_buffers_register' },
      { kind: 'get', longterm: false },
    ],
  })
})
