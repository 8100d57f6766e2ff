/**
 * Packets of a Perfetto trace: one sequence, its names interned, times in ns of CLOCK_MONOTONIC.
 *
 * Numbers of fields are those of protos/perfetto/trace/perfetto_trace.proto (TracePacket, TrackDescriptor, TrackEvent,
 * DebugAnnotation, InternedData); tests read every packet back with the message classes that Perfetto publishes.
 */
import protobuf from 'protobufjs/minimal.js'

/** What an event carries for whoever clicks on it. Undefined: left out. */
export type Details = Readonly<Record<string, string | number | undefined>>

export interface Unit {
  readonly name: string
  readonly isBytes?: boolean
}

const SEQUENCE = 1
const CLOCK_REALTIME = 1
const CLOCK_MONOTONIC = 3

/** TrackEvent.Type */
const Type = { SliceBegin: 1, SliceEnd: 2, Instant: 3, Counter: 4 } as const
/** TracePacket.SequenceFlags */
const Sequence = { StateCleared: 1, NeedsState: 2 } as const

const VARINT = 0
const BYTES = 2

/** Bytes after which {@link PacketWriter.taken} is worth a call. */
export const PIECE_BYTES = 1 << 18

export class PacketWriter {
  #out = protobuf.Writer.create()
  readonly #names = new Interned(2)
  readonly #categories = new Interned(1)
  readonly #annotations = new Interned(3)
  #lastTrack = 0

  /** Bytes that wait for {@link taken}. */
  get waiting(): number {
    return this.#out.pos
  }

  /** What was written since the last call. */
  taken(): Uint8Array {
    const bytes = this.#out.finish()
    this.#out = protobuf.Writer.create()
    return bytes
  }

  /** The first packet: which clock the times are of, and what the wall clock said at `atNs`. */
  begin(atNs: number, wallClockOffsetNs: number): void {
    this.#packet(() => {
      field(this.#out, 13, VARINT).uint32(Sequence.StateCleared)
      field(this.#out, 87, VARINT).bool(true)
      this.#message(59, () => field(this.#out, 58, VARINT).uint32(CLOCK_MONOTONIC))
      this.#message(6, () => {
        this.#clock(CLOCK_MONOTONIC, atNs)
        this.#clock(CLOCK_REALTIME, atNs + wallClockOffsetNs)
        field(this.#out, 2, VARINT).uint32(CLOCK_MONOTONIC)
      })
    })
  }

  /** Whose kernel was traced. */
  system(release: string, version: string, pageSize: number, cpus: number): void {
    this.#packet(() => {
      this.#message(45, () => {
        this.#message(1, () => {
          field(this.#out, 1, BYTES).string('Linux')
          field(this.#out, 2, BYTES).string(version)
          field(this.#out, 3, BYTES).string(release)
        })
        field(this.#out, 6, VARINT).uint32(pageSize)
        field(this.#out, 8, VARINT).uint32(cpus)
      })
    })
  }

  /** A track that groups those of one process. */
  process(tgid: number, name: string): number {
    return this.#track(() => {
      this.#message(3, () => {
        field(this.#out, 1, VARINT).int32(tgid)
        field(this.#out, 6, BYTES).string(name)
      })
    })
  }

  /** A track of slices and instants; those of one parent and one name are drawn as one. */
  track(name: string, parent?: number): number {
    return this.#track(() => {
      field(this.#out, 2, BYTES).string(name)
      if (parent !== undefined) field(this.#out, 5, VARINT).uint64(parent)
    })
  }

  counter(name: string, unit: Unit, parent: number): number {
    return this.#track(() => {
      field(this.#out, 2, BYTES).string(name)
      field(this.#out, 5, VARINT).uint64(parent)
      this.#message(8, () => {
        if (unit.isBytes) field(this.#out, 3, VARINT).uint32(3)
        else field(this.#out, 6, BYTES).string(unit.name)
      })
    })
  }

  sliceBegin(track: number, atNs: number, category: string, name: string, details: Details): void {
    this.#event(track, atNs, Type.SliceBegin, category, name, details)
  }

  sliceEnd(track: number, atNs: number): void {
    this.#packet(() => {
      field(this.#out, 8, VARINT).uint64(atNs)
      this.#message(11, () => {
        field(this.#out, 9, VARINT).uint32(Type.SliceEnd)
        field(this.#out, 11, VARINT).uint64(track)
      })
    })
  }

  instant(track: number, atNs: number, category: string, name: string, details: Details): void {
    this.#event(track, atNs, Type.Instant, category, name, details)
  }

  count(track: number, atNs: number, value: number): void {
    this.#packet(() => {
      field(this.#out, 8, VARINT).uint64(atNs)
      this.#message(11, () => {
        field(this.#out, 9, VARINT).uint32(Type.Counter)
        field(this.#out, 11, VARINT).uint64(track)
        field(this.#out, 30, VARINT).int64(value)
      })
    })
  }

  #event(track: number, atNs: number, type: number, category: string, name: string, details: Details): void {
    const told = Object.entries(details).filter(isTold)
    const categoryId = this.#categories.idOf(category)
    const nameId = this.#names.idOf(name)
    const annotationIds = told.map(([key]) => this.#annotations.idOf(key))
    this.#packet(() => {
      field(this.#out, 8, VARINT).uint64(atNs)
      field(this.#out, 13, VARINT).uint32(Sequence.NeedsState)
      this.#newNames()
      this.#message(11, () => {
        field(this.#out, 3, VARINT).uint64(categoryId)
        field(this.#out, 9, VARINT).uint32(type)
        field(this.#out, 10, VARINT).uint64(nameId)
        field(this.#out, 11, VARINT).uint64(track)
        for (const [i, [, value]] of told.entries()) {
          this.#message(4, () => {
            field(this.#out, 1, VARINT).uint64(annotationIds[i])
            if (typeof value === 'string') field(this.#out, 6, BYTES).string(value)
            else field(this.#out, 4, VARINT).int64(value)
          })
        }
      })
    })
  }

  /** Names that were met for the first time, before the event that uses them. */
  #newNames(): void {
    const kinds = [this.#categories, this.#names, this.#annotations]
    if (kinds.every(({ fresh }) => fresh.length === 0)) return
    this.#message(12, () => {
      for (const { number, fresh } of kinds)
        for (const [id, name] of fresh)
          this.#message(number, () => {
            field(this.#out, 1, VARINT).uint64(id)
            field(this.#out, 2, BYTES).string(name)
          })
    })
    for (const kind of kinds) kind.fresh.length = 0
  }

  #track(describe: () => void): number {
    const uuid = ++this.#lastTrack
    this.#packet(() => {
      this.#message(60, () => {
        field(this.#out, 1, VARINT).uint64(uuid)
        describe()
      })
    })
    return uuid
  }

  #clock(id: number, timeNs: number): void {
    this.#message(1, () => {
      field(this.#out, 1, VARINT).uint32(id)
      field(this.#out, 2, VARINT).uint64(timeNs)
    })
  }

  #packet(content: () => void): void {
    this.#message(1, () => {
      field(this.#out, 10, VARINT).uint32(SEQUENCE)
      content()
    })
  }

  #message(number: number, content: () => void): void {
    field(this.#out, number, BYTES).fork()
    content()
    this.#out.ldelim()
  }
}

/** Names of one kind that are written once each; `number` is their field in InternedData. */
class Interned {
  readonly number: number
  readonly fresh: [id: number, name: string][] = []
  readonly #ids = new Map<string, number>()

  constructor(number: number) {
    this.number = number
  }

  idOf(name: string): number {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const id = this.#ids.size + 1
    this.#ids.set(name, id)
    this.fresh.push([id, name])
    return id
  }
}

function isTold(entry: [string, string | number | undefined]): entry is [string, string | number] {
  return entry[1] !== undefined
}

function field(out: protobuf.Writer, number: number, wireType: number): protobuf.Writer {
  return out.uint32((number << 3) | wireType)
}
