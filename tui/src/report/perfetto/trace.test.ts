import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind, PinEnd } from '../../model/facts.js'
import { Foll, Kind, Outcome } from '../../model/kinds.js'
import { allocateColumns } from '../../store/columns.js'
import { Recording } from '../../store/recording.js'
import { SYNTHETIC_AGENT } from '../../store/synthetic.js'
import { RecordingWriter } from '../../store/writer.js'
import { perfetto } from './trace.js'

/** Where setup/steps.mjs puts the classes that Perfetto publishes. */
const classes = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cowpath/perfetto')
const reader = fileURLToPath(new URL('testing/as-json.py', import.meta.url))

interface Packet {
  readonly timestamp?: string
  readonly track_descriptor?: {
    readonly uuid: string
    readonly parent_uuid?: string
    readonly name?: string
    readonly process?: { readonly pid: number; readonly process_name: string }
    readonly counter?: object
  }
  readonly track_event?: {
    readonly type: string
    readonly track_uuid: string
    readonly name_iid?: string
    readonly counter_value?: string
    readonly debug_annotations?: readonly { readonly name_iid: string; readonly string_value?: string }[]
  }
  readonly interned_data?: {
    readonly event_names?: readonly { readonly iid: string; readonly name: string }[]
    readonly debug_annotation_names?: readonly { readonly iid: string; readonly name: string }[]
  }
  readonly clock_snapshot?: object
}

const HOSTILE = 'a\u001b[31m\u202e'
let folder: string
let packets: readonly Packet[] = []

async function record(path: string): Promise<void> {
  const nothing = () => undefined
  const failed = (error: Error) => {
    throw error
  }
  const writer = await RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed,
  })
  writer.run(1, SYNTHETIC_AGENT, 1)
  writer.stacks(1, [{ stack: 1, taker: 'vfio_pin_pages_remote', frames: [] }])
  writer.mm({ mm: 1, run: 1, agentMm: 1, parentMm: 0, bornNs: 1e9, bornBy: 'seen' })
  writer.mm({ mm: 2, run: 1, agentMm: 2, parentMm: 1, bornNs: 3e9, bornBy: 'fork' })
  writer.process({ tgid: 10, parentTgid: 7, mm: 1, comm: HOSTILE, startTimeNs: 0, seenNs: 1e9 })
  writer.fork({ parentMm: 1, childMm: 2, parentTgid: 10, childTgid: 20, timeNs: 3e9, seq: 2 })
  writer.mmEnded(2, 8e9, 5)
  writer.frameSeen(1, 5001, 0, FrameKind.Anon, 1e9, 1)
  writer.frameSeen(2, 5002, 0, FrameKind.Anon, 4e9, 3)
  writer.slotMapped(1, 1, 16, 2, 4e9, Cause.Copy, 3, true)
  writer.edge(1, EdgeKind.Copy, 1, 2, 1, 16, 4e9, 3)
  const pin = { mm: 1, vpn: 16, pages: 1, pfn: 5001, tgid: 10, tid: 10, stack: 1, call: 1, seq: 1 }
  const foll = Foll.Pin | Foll.Write
  // Two that overlap, one after both, one that stays.
  writer.pinTaken({ ...pin, pin: 1, foll, fromNs: 2e9 })
  writer.pinTaken({ ...pin, pin: 2, foll, fromNs: 3e9 })
  writer.pinTaken({ ...pin, pin: 3, foll, fromNs: 6e9 })
  writer.pinTaken({ ...pin, pin: 4, foll, fromNs: 7e9 })
  writer.pinEnded(1, 4e9, 3, PinEnd.Unpinned)
  writer.pinEnded(2, 5e9, 4, PinEnd.Unpinned)
  writer.pinEnded(3, 8e9, 5, PinEnd.Unpinned)
  const events = allocateColumns(2)
  events.seq.set([1, 2])
  events.timeNs.set([2e9, 9e9])
  events.kind.set([Kind.Gup, Kind.PmdSplit])
  events.tgid.fill(10)
  writer.events(1, 1, 2, events)
  writer.rate(2e9, 10, 1, Kind.WpFault, Outcome.Copy, 3, 7, 0, 0)
  writer.rate(3e9, 10, 1, Kind.WpFault, Outcome.Copy, 2, 2, 0, 0)
  writer.rate(6e9, 10, 1, Kind.WpFault, Outcome.Copy, 1, 1, 0, 0)
  writer.gap({
    run: 1,
    reason: 'ring',
    leg: 'gup',
    count: 3,
    firstSeq: 0,
    lastSeq: 0,
    fromNs: 4e9,
    untilNs: 5e9,
  })
  await writer.close()
}

function ofTrack(
  name: string,
): readonly (readonly [type: string, atNs: number, value: string | undefined])[] {
  const uuids = packets.flatMap(({ track_descriptor: track }) => (track?.name === name ? [track.uuid] : []))
  return packets.flatMap(({ timestamp, track_event: event }) =>
    event !== undefined && uuids.includes(event.track_uuid)
      ? [
          [
            event.type.replace('TYPE_', ''),
            Number(timestamp),
            event.counter_value ?? nameOf(event.name_iid),
          ] as const,
        ]
      : [],
  )
}

function nameOf(iid: string | undefined): string | undefined {
  return packets
    .flatMap(({ interned_data: names }) => names?.event_names ?? [])
    .find((name) => name.iid === iid)?.name
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  const path = join(folder, 'x.db')
  await record(path)
  const recording = Recording.open(path)
  const trace = Buffer.concat([...perfetto(recording)])
  recording.close()
  if (!existsSync(classes)) return
  const json = execFileSync('python3', [reader], {
    input: trace,
    env: { ...process.env, PYTHONPATH: classes },
    maxBuffer: 1 << 26,
  })
  packets = JSON.parse(json.toString()) as readonly Packet[]
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe.skipIf(!existsSync(classes))('a trace read with the classes that Perfetto publishes', () => {
  test('begins with the clock of its times and what the wall said then', () => {
    expect(packets[0]).toMatchObject({
      sequence_flags: 1,
      trace_packet_defaults: { timestamp_clock_id: 3 },
      clock_snapshot: {
        clocks: [{ clock_id: 3, timestamp: '2000000000' }, { clock_id: 1 }],
        primary_trace_clock: 'BUILTIN_CLOCK_MONOTONIC',
      },
    })
    expect(packets[1]).toMatchObject({
      system_info: { utsname: { sysname: 'Linux', release: SYNTHETIC_AGENT.kernelRelease } },
    })
  })

  test('a process is named as it was, whatever that name is', () => {
    const processes = packets.flatMap(({ track_descriptor: track }) => track?.process ?? [])
    expect(processes).toEqual([{ pid: 10, process_name: HOSTILE }])
  })

  test('pins that overlap are on lanes of their own; one that stays has no end', () => {
    expect(ofTrack('pinned')).toEqual([
      ['SLICE_BEGIN', 2e9, 'vfio_pin_pages_remote'],
      ['SLICE_END', 4e9, undefined],
      ['SLICE_BEGIN', 3e9, 'vfio_pin_pages_remote'],
      ['SLICE_END', 5e9, undefined],
      ['SLICE_BEGIN', 6e9, 'vfio_pin_pages_remote'],
      ['SLICE_END', 8e9, undefined],
      ['SLICE_BEGIN', 7e9, 'vfio_pin_pages_remote'],
    ])
    const lanes = packets.filter(({ track_descriptor: track }) => track?.name === 'pinned')
    expect(lanes).toHaveLength(2)
  })

  test('a fork lasts as long as its child, a loss as long as it may have been', () => {
    expect(ofTrack('forked, and sharing')).toEqual([
      ['SLICE_BEGIN', 3e9, 'pid 20'],
      ['SLICE_END', 8e9, undefined],
    ])
    expect(ofTrack('lost events')).toEqual([
      ['SLICE_BEGIN', 4e9, 'ring: gup'],
      ['SLICE_END', 5e9, undefined],
    ])
  })

  test('a counter falls to zero in seconds without an event', () => {
    expect(ofTrack('wp-fault copy, pages')).toEqual([
      ['COUNTER', 2e9, '7'],
      ['COUNTER', 3e9, '2'],
      ['COUNTER', 4e9, '0'],
      ['COUNTER', 6e9, '1'],
      ['COUNTER', 7e9, '0'],
    ])
  })

  test('copies and splits are moments with their facts', () => {
    expect(ofTrack('copies')).toEqual([['INSTANT', 4e9, 'copy']])
    expect(ofTrack('events')).toEqual([['INSTANT', 9e9, 'pmd-split']])
    const copy = packets.find(({ track_event: event }) => nameOf(event?.name_iid) === 'copy')
    const values = copy?.track_event?.debug_annotations?.map(({ string_value: text }) => text)
    expect(values).toContain('0x10000')
  })
})
