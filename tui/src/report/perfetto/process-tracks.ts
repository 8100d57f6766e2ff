import type { Recording } from '../../store/recording.js'
import { Lanes } from './lanes.js'
import type { PacketWriter, Unit } from './packet-writer.js'

interface HostRow {
  readonly run: number
  readonly host: number
  readonly hostname: string
}

interface NameRow {
  readonly host: number
  readonly tgid: number
  readonly comm: string
}

/** Tracks of processes, made when the first thing stands on them. A process without a pid stands for its whole host. */
export class ProcessTracks {
  readonly #out: PacketWriter
  readonly #hosts: ReadonlyMap<number, HostRow>
  readonly #comms: ReadonlyMap<string, string>
  /** Perfetto knows processes by pid alone: with several hosts, groups without a pid stand for them. */
  readonly #isOneHost: boolean
  readonly #groups = new Map<string, number>()
  readonly #tracks = new Map<string, number>()
  readonly #lanes = new Map<string, Lanes<number>>()

  constructor(recording: Recording, out: PacketWriter) {
    this.#out = out
    const hosts = recording.select<HostRow>(
      'SELECT r.run, h.host, h.hostname FROM run r JOIN host h ON h.host = r.host',
    )
    this.#hosts = new Map(hosts.map((row) => [row.run, row]))
    this.#isOneHost = new Set(hosts.map(({ host }) => host)).size === 1
    // The name that a process had last: exec gives another.
    const names = recording.select<NameRow>(
      `SELECT r.host, p.tgid, p.comm FROM process p JOIN mm m ON m.mm = p.mm JOIN run r ON r.run = m.run
       ORDER BY p.process`,
    )
    this.#comms = new Map(names.map(({ host, tgid, comm }) => [`${host} ${tgid}`, comm]))
  }

  /** A track of slices that nest, and of instants. */
  track(run: number, tgid: number | undefined, name: string): number {
    return this.#made(this.#tracks, run, tgid, name, (group) => this.#out.track(name, group))
  }

  counter(run: number, tgid: number | undefined, name: string, unit: Unit): number {
    return this.#made(this.#tracks, run, tgid, name, (group) => this.#out.counter(name, unit, group))
  }

  /** A track on which nothing else lasts over that time; those of one name are drawn as one. */
  lane(run: number, tgid: number | undefined, name: string, fromNs: number, untilNs: number): number {
    const lanes = this.#made(
      this.#lanes,
      run,
      tgid,
      name,
      (group) => new Lanes(() => this.#out.track(name, group)),
    )
    return lanes.place(fromNs, untilNs)
  }

  #made<T>(
    known: Map<string, T>,
    run: number,
    tgid: number | undefined,
    name: string,
    make: (group: number) => T,
  ): T {
    const { host = 0, hostname = '' } = this.#hosts.get(run) ?? {}
    const key = `${host} ${tgid} ${name}`
    const old = known.get(key)
    if (old !== undefined) return old
    const made = make(this.#group(host, hostname, tgid))
    known.set(key, made)
    return made
  }

  #group(host: number, hostname: string, tgid: number | undefined): number {
    const key = `${host} ${tgid}`
    const old = this.#groups.get(key)
    if (old !== undefined) return old
    const made = this.#newGroup(hostname, tgid, this.#comms.get(key) ?? '')
    this.#groups.set(key, made)
    return made
  }

  #newGroup(hostname: string, tgid: number | undefined, comm: string): number {
    if (tgid === undefined) return this.#out.track(`cowpath on ${hostname}`)
    if (this.#isOneHost) return this.#out.process(tgid, comm)
    return this.#out.track(`${hostname}: ${comm} ${tgid}`)
  }
}
