import { codeOf, takerWords } from '../model/code.js'
import type { AgentInfo, EventColumns, LegBooks, LossInfo, ProcessInfo, StreamItem } from '../model/events.js'
import type { ForkFact, PinEnd, PinFact, ProcessFact } from '../model/facts.js'
import type { Finding, RuleCount } from '../model/finding.js'
import { Kind } from '../model/kinds.js'
import { HotPages } from './hot-pages.js'
import { LatestRing } from './latest-ring.js'
import { addEvent, isKnownKind, isPageEvent, newCounts, type MutableCounts } from './live-counts.js'
import { LiveFamilies } from './live-families.js'
import { ForkBook } from './live-forks.js'
import { FindingBook, type FindingRow } from './live-findings.js'
import { HugeBook } from './live-huge.js'
import { LiveOwners } from './live-owners.js'
import { pagePin, type LivePage } from './live-page.js'
import { PinBook, type PinRow } from './live-pins.js'
import type {
  AgentLoad,
  Connection,
  Counts,
  HostBrief,
  ListName,
  LiveSnapshot,
  ProcessRow,
  SnapshotPart,
} from './live-snapshot.js'
import type { ClientTarget } from './target.js'
import type { RuleText } from './rule-text.js'

/** Seconds of rates that are kept: as wide as the widest sparkline. */
const SECONDS = 120
const LATEST = 500
/** Events that are held so that a page's last ones can be told. */
const HELD = 32_768
const PAGES = 500
const PINS = 1000
/** Stacks whose taker is remembered. */
const STACKS = 65_536
/** Processes with counts. When more are active, the one that was quiet for longest is forgotten (and counted). */
const PROCESSES = 4096

interface ProcessEntry {
  comm: string
  parentTgid: number
  lastNs: number
  /** Its last event was the end of its address space. */
  isEnded: boolean
  readonly counts: MutableCounts
}

/**
 * Counts what a stream of events says, for the live views: memory is bounded, a second's counts go by the host's
 * own clock, so that a stream gives the same numbers however late or bunched it comes.
 */
export class LiveModel {
  #connection: Connection
  #agent: AgentInfo | null = null
  #legs: readonly LegBooks[] = []
  #hostTimeNs = 0
  #leastDelayMs = Infinity
  #lagNs: number | null = null
  #forgotten = 0
  readonly #totals = newCounts()
  readonly #lost: Record<LossInfo['hop'], number> = {
    ring: 0,
    'not-entered': 0,
    'client-queue': 0,
    replay: 0,
  }
  readonly #seconds = new Map<number, MutableCounts>()
  readonly #processes = new Map<number, ProcessEntry>()
  readonly #latest = new LatestRing(HELD)
  readonly #findings = new FindingBook()
  readonly #pins = new PinBook()
  readonly #pages = new HotPages()
  readonly #huge = new HugeBook()
  readonly #forks = new ForkBook()
  readonly #owners = new LiveOwners()
  readonly families: LiveFamilies | null
  readonly #takers = new Map<number, string>()
  #load: AgentLoad | null = null
  #filter: ClientTarget | null = null
  #unseenTimes = 0
  #unseenMs = 0
  /** How long the last connection was broken. */
  #awayMs = 0
  #unknownKinds = 0
  readonly #clientVersion: string
  #loadNs = 0
  #firstSecond = -1
  /** What `snapshot` gave last; null since something has changed. */
  #told: LiveSnapshot | null = null

  /** `holds` 'pages' (13 MB): what the latest changes were of, so that `page` can be asked. */
  constructor(endpoint: string, clientVersion = '', holds: 'pages' | 'no pages' = 'no pages') {
    this.families = holds === 'pages' ? new LiveFamilies(this.#owners) : null
    this.#clientVersion = clientVersion
    this.#connection = { state: 'connecting', endpoint, why: '' }
  }

  /** What this client asked the agent for; null: for all that it traces. */
  setFilter(filter: ClientTarget | null): void {
    this.#told = null
    this.#filter = filter
  }

  setConnection(connection: Connection): void {
    this.#told = null
    // Each try that fails is told as well: the connection broke at the first.
    const before = this.#connection
    const wasAway = before.state === 'reconnecting'
    if (wasAway && connection.state === 'connected')
      this.#awayMs = Math.max(0, connection.sinceWallMs - before.sinceWallMs)
    this.#connection =
      wasAway && connection.state === 'reconnecting'
        ? { ...connection, sinceWallMs: before.sinceWallMs }
        : connection
  }

  /** Takes the next item of the stream, which came at `wallMs` (ms since 1970). */
  accept(item: StreamItem, wallMs: number): void {
    this.#told = null
    switch (item.type) {
      case 'started':
        this.#started(item.agent, wallMs)
        break
      case 'batch':
        item.processes.forEach((process) => {
          this.#name(process)
        })
        for (const { stack, taker, frames } of item.stacks)
          if (this.#takers.size < STACKS) this.#takers.set(stack, takerWords(taker, codeOf(frames)))
        this.#count(item.events)
        break
      case 'loss':
        this.#lost[item.loss.hop] += item.loss.count
        break
      case 'heartbeat':
        this.#legs = item.legs
        this.#weigh(item)
        this.#advance(item.timeNs)
        this.#measureLag(item.timeNs, wallMs)
        break
    }
  }

  /** A finding of the rules over this stream: anew, or with what has come to it. */
  finding(finding: Finding): void {
    this.#told = null
    this.#findings.finding(finding)
  }

  ruleCounts(counts: readonly RuleCount[]): void {
    this.#told = null
    this.#findings.ruleCounts(counts)
  }

  ruleTexts(texts: readonly RuleText[]): void {
    this.#told = null
    this.#findings.ruleTexts(texts)
  }

  process(fact: ProcessFact): void {
    this.#owners.process(fact)
  }

  fork(fact: ForkFact): void {
    this.#owners.fork(fact)
  }

  pinTaken(pin: PinFact): void {
    this.#told = null
    this.#pins.taken(pin)
  }

  pinEnded(pin: number, timeNs: number, end: PinEnd): void {
    this.#told = null
    this.#pins.ended(pin, timeNs, end)
  }

  get totals(): Counts {
    return this.#totals
  }

  /** All of it. The same object again as long as nothing has come. */
  snapshot(): LiveSnapshot {
    this.#told ??= this.#tell()
    return this.#told
  }

  /** What a line among other hosts needs: costs nothing, however much is held. */
  brief(): HostBrief {
    return {
      connection: this.#connection,
      agent: this.#agent,
      totals: { ...this.#totals },
      lost: { ...this.#lost },
      verdicts: this.#findings.byVerdict(),
      filter: this.#filter,
      unseen: { times: this.#unseenTimes, ms: this.#unseenMs },
    }
  }

  /** A snapshot with these of its lists only. */
  part(lists: readonly ListName[]): SnapshotPart {
    return { ...this.#rest(), ...Object.fromEntries(lists.map((name) => [name, this.#lists[name]()])) }
  }

  #tell(): LiveSnapshot {
    const { processes, latest, findings, pages, pins, huge, forks } = this.#lists
    return {
      ...this.#rest(),
      processes: processes(),
      latest: latest(),
      findings: findings(),
      pages: pages(),
      pins: pins(),
      huge: huge(),
      forks: forks(),
    }
  }

  readonly #lists: { readonly [Name in ListName]: () => LiveSnapshot[Name] } = {
    processes: () => [...this.#processes].map(([tgid, entry]) => processRow(tgid, entry)),
    latest: () => this.#latest.newestFirst(LATEST, this.#commOf),
    findings: () => this.#findings.all.map((finding) => this.#findingRow(finding)),
    pages: () => this.#pages.hottest(PAGES, this.#commOf),
    pins: () => this.#pins.view(PINS, (pin) => this.#pinRow(pin)),
    huge: () => this.#huge.rows(this.#commOf, this.#takerOf),
    forks: () => this.#forks.rows(this.#commOf, this.#agent?.pageSize ?? 4096),
  }

  #rest(): Omit<LiveSnapshot, ListName> {
    const { worst } = this.#findings
    const { oldest, pinnedPages } = this.#pins
    return {
      ...this.brief(),
      legs: this.#legs,
      hostTimeNs: this.#hostTimeNs,
      lagNs: this.#lagNs,
      seconds: this.#wholeSeconds(),
      forgottenForks: this.#forks.forgotten,
      forgottenProcesses: this.#forgotten,
      endedPids: (this.#filter?.pids ?? []).filter((pid) => this.#processes.get(pid)?.isEnded === true),
      unknownKinds: this.#unknownKinds,
      clientVersion: this.#clientVersion,
      findingsBeyond: this.#findings.beyond,
      rules: this.#findings.rules(),
      worst: worst === undefined ? null : this.#findingRow(worst),
      oldestPin: oldest === undefined ? null : this.#pinRow(oldest),
      pinnedPages,
      load: this.#load,
    }
  }

  /** What is held of a page: as a recording tells it, as far back as memory reaches. Throws where the model holds no pages. */
  page(tgid: number, vpn: number): LivePage {
    if (this.families === null) throw new Error('a model that holds no pages was asked for one')
    const isMm = (mm: number) => this.#owners.tgidOf(mm) === tgid
    const { olderSlots, ...family } = this.families.page(tgid, vpn, this.#commOf, (seq) =>
      this.#latest.countsAt(seq),
    )
    return {
      olderSlots,
      view: {
        ...family,
        pins: this.#pins.of(isMm, vpn).map((held) => pagePin(held, this.#commOf, this.#takerOf)),
        findings: this.#findings.of(isMm, vpn).map((finding) => ({
          finding: finding.finding,
          rule: finding.rule,
          verdict: finding.verdict,
          count: finding.count,
          first_ns: finding.firstNs,
          last_ns: finding.lastNs,
          cause: finding.cause,
          words: finding.last.words,
        })),
      },
      events: this.#latest.ofPage(tgid, vpn, this.#commOf),
    }
  }

  readonly #commOf = (tgid: number): string => this.#processes.get(tgid)?.comm ?? ''
  readonly #takerOf = (stack: number): string => this.#takers.get(stack) ?? ''

  #findingRow(finding: Finding): FindingRow {
    const { reference } = finding.last
    return {
      ...finding,
      comm: this.#commOf(finding.tgid),
      causeComm: this.#commOf(finding.causeTgid),
      takerComm: reference === undefined ? '' : this.#commOf(reference.tgid),
      taker: reference === undefined ? '' : this.#takerOf(reference.stack),
    }
  }

  #pinRow(pin: PinFact): PinRow {
    const ownerTgid = this.#owners.tgidOf(pin.mm) ?? pin.tgid
    return { ...pin, ownerTgid, comm: this.#commOf(pin.tgid), taker: this.#takerOf(pin.stack) }
  }

  #weigh(beat: StreamItem & { readonly type: 'heartbeat' }): void {
    const { timeNs, ringUsedBytes, ringSizeBytes, residentBytes, cpuNs } = beat
    const lasted = timeNs - this.#loadNs
    const before = this.#load
    const cpuShare = before === null || lasted <= 0 ? null : Math.max(0, cpuNs - before.cpuNs) / lasted
    this.#load = { ringUsedBytes, ringSizeBytes, residentBytes, cpuNs, cpuShare }
    this.#loadNs = timeNs
  }

  #started(agent: AgentInfo, wallMs: number): void {
    // Another boot of the host: its clock began again, and so do the rates and the pids.
    if (this.#agent !== null && this.#agent.kernelBootId !== agent.kernelBootId) {
      this.#hostTimeNs = 0
      this.#firstSecond = -1
      this.#seconds.clear()
      this.#processes.clear()
    }
    // Another run of the agent numbers address spaces, pins and stacks anew.
    if (this.#agent !== null && this.#agent.bootId !== agent.bootId) {
      this.#pins.clear()
      this.#pages.clear()
      this.#huge.clear()
      this.#forks.clear()
      this.#owners.clear()
      this.families?.clear()
      this.#takers.clear()
      this.#load = null
      this.#unseenTimes++
      this.#unseenMs += this.#awayMs
    }
    this.#agent = agent
    this.#legs = agent.legs
    this.#leastDelayMs = Infinity
    this.#lagNs = null
    const { endpoint, state } = this.#connection
    if (state !== 'recorded') this.#connection = { state: 'connected', endpoint, sinceWallMs: wallMs }
  }

  #count(events: EventColumns): void {
    const pageSize = this.#agent?.pageSize ?? 4096
    for (let i = 0; i < events.length; i++) {
      const timeNs = events.timeNs[i]
      addEvent(this.#totals, events, i, pageSize)
      addEvent(this.#second(timeNs), events, i, pageSize)
      const process = this.#process(events.tgid[i])
      process.lastNs = timeNs
      process.isEnded = events.kind[i] === Kind.MmExit
      if (!isKnownKind(events.kind[i])) this.#unknownKinds++
      addEvent(process.counts, events, i, pageSize)
      if (isPageEvent(events.kind[i])) {
        this.#latest.push(events, i)
        this.#pages.count(events, i)
      }
      this.#huge.count(events, i)
      this.#forks.count(events, i)
    }
    if (events.length > 0) this.#advance(events.timeNs[events.length - 1])
  }

  #second(timeNs: number): MutableCounts {
    const second = Math.floor(timeNs / 1e9)
    let counts = this.#seconds.get(second)
    if (counts === undefined) {
      counts = newCounts()
      this.#seconds.set(second, counts)
      if (this.#firstSecond < 0 || second < this.#firstSecond) this.#firstSecond = second
    }
    return counts
  }

  #advance(timeNs: number): void {
    if (timeNs <= this.#hostTimeNs) return
    const second = Math.floor(timeNs / 1e9)
    const isNew = second > Math.floor(this.#hostTimeNs / 1e9)
    this.#hostTimeNs = timeNs
    if (this.#firstSecond < 0) this.#firstSecond = second
    if (!isNew) return
    for (const old of this.#seconds.keys()) if (old < second - SECONDS) this.#seconds.delete(old)
  }

  /** Seconds before the one that is still running, with the quiet ones in between. */
  #wholeSeconds(): readonly Counts[] {
    if (this.#firstSecond < 0) return []
    const now = Math.floor(this.#hostTimeNs / 1e9)
    const from = Math.max(this.#firstSecond, now - SECONDS)
    return Array.from({ length: Math.max(0, now - from) }, (_, i) => ({
      ...(this.#seconds.get(from + i) ?? newCounts()),
    }))
  }

  #name(process: ProcessInfo): void {
    const entry = this.#process(process.tgid)
    entry.comm = process.comm
    entry.parentTgid = process.parentTgid
  }

  #process(tgid: number): ProcessEntry {
    let entry = this.#processes.get(tgid)
    if (entry === undefined) {
      if (this.#processes.size >= PROCESSES) this.#forgetQuietest()
      entry = { comm: '', parentTgid: 0, lastNs: 0, isEnded: false, counts: newCounts() }
      this.#processes.set(tgid, entry)
    }
    return entry
  }

  /** Forgets an eighth at once, so that the search is paid once in many new processes. */
  #forgetQuietest(): void {
    const byAge = [...this.#processes].sort(([, a], [, b]) => a.lastNs - b.lastNs)
    for (const [tgid] of byAge.slice(0, PROCESSES / 8)) {
      this.#processes.delete(tgid)
      this.#forgotten++
    }
  }

  /**
   * The clocks of host and reader may differ by anything, so the delay of the quickest heartbeat stands for no lag.
   */
  #measureLag(timeNs: number, wallMs: number): void {
    const delayMs = wallMs - timeNs / 1e6
    this.#leastDelayMs = Math.min(this.#leastDelayMs, delayMs)
    this.#lagNs = (delayMs - this.#leastDelayMs) * 1e6
  }
}

function processRow(tgid: number, { comm, parentTgid, lastNs, counts }: ProcessEntry): ProcessRow {
  return { tgid, comm, parentTgid, lastNs, ...counts }
}
