import { NO_EVENT, type EventRow } from '../model/event-rows.js'
import type { ProcessInfo } from '../model/events.js'
import { Flag, Kind, Outcome } from '../model/kinds.js'
import { Bounded } from './bounded.js'
import { faultFlags, follOf, frameFlags, isSince, versionOf, vmaFlags } from './kernel-words.js'
import { MmNumbers } from './mms.js'
import { innermost, Stacks } from './taker.js'
import type { Told } from './told.js'

const PMD_ORDER = 9
/** GUP_PIN_COUNTING_BIAS, include/linux/mm.h. */
const PIN_BIAS = 1024
/** Numbers of GUP calls are 20 bits wide in `aux`. */
const CALLS = 2 ** 20
const LOW_BITS = 2 ** 32
const MASK_PFN = (1n << 40n) - 1n
const PTE_WRITE = 2n
const PTE_SPECIAL = 0x200n
const PTE_UFFD_WP = 0x400n
/** enum vm_fault_reason: OOM, SIGBUS, HWPOISON, HWPOISON_LARGE, SIGSEGV. */
const RESULT_FAILED = 0x1 | 0x2 | 0x10 | 0x20 | 0x40

/** Receives what was put together. */
export interface AssemblerSink {
  event(row: EventRow): void
  process(process: ProcessInfo): void
  /** `count` events of this leg are known to be missing at that time. */
  lost(leg: string, count: number, timeNs: number): void
}

/** A fault, from its entry to the line that says how it ended. */
interface Fault {
  readonly row: EventRow
  readonly pte: bigint
}

/** A GUP call, and the run of its pages that is being read. */
interface Call {
  readonly row: EventRow
  readonly foll: number
  readonly firstVpn: number
  taken: number
  read: number
}

/** Joins lines that belong to one fault, one fork or one GUP call into events. Takes lines in order of time. */
export class Assembler {
  readonly stacks = new Stacks()
  readonly #sink: AssemblerSink
  readonly #mms = new MmNumbers()
  readonly #mmOfPid = new Bounded<number, number>()
  readonly #comms = new Bounded<number, string>()
  readonly #faults = new Bounded<number, Fault>()
  readonly #calls = new Bounded<number, Call>()
  /** By the task that forks: the child's address space as it is named, and pages that were copied early for it. */
  readonly #forks = new Bounded<number, bigint>()
  readonly #early = new Bounded<number, EventRow[]>()
  readonly #hasNewFlags: boolean
  readonly #hasNewOrder: boolean
  #call = 0

  constructor(release: string, sink: AssemblerSink) {
    const version = versionOf(release)
    this.#sink = sink
    this.#hasNewFlags = isSince(version, [6, 3])
    this.#hasNewOrder = isSince(version, [6, 6])
  }

  take(line: Told): void {
    if (line.kind !== 'gup-page') this.#endRun(line.number('tid'))
    switch (line.kind) {
      case 'fork':
        this.#fork(line)
        return
      case 'exec':
        this.#exec(line)
        return
      case 'mm-exit':
        this.#emit(line, Kind.MmExit, { mm: this.#mms.end(line.word('mm')) })
        return
      case 'unmap': {
        const mm = this.#mms.of(line.word('mm'))
        this.#emit(line, Kind.Unmap, { mm, ...range(line, 'from', 'to'), flags: vmaFlags(line.word('vm')) })
        return
      }
      case 'fork-vma':
        this.#forkVma(line)
        return
      case 'wp':
        this.#beginFault(line)
        return
      case 'anon':
        this.#anon(line)
        return
      case 'wp-end':
        this.#endFault(line)
        return
      case 'gup':
        this.#beginCall(line)
        return
      case 'gup-end':
        this.#returned(line)
        return
      case 'gup-page':
        this.#page(line)
        return
      case 'unpin':
        this.#unpin(line)
        return
      case 'cut':
        this.#sink.lost('unpin', line.number('count'), line.timeNs)
        return
      case 'free':
        this.#emit(line, Kind.FrameFree, {
          oldPfn: line.number('pfn'),
          order: Math.min(line.number('order'), 255),
        })
        return
      case 'cowpath':
      case 'host':
      case 'wall':
      case 'ready':
      case 'beat':
        return
    }
  }

  /** Nothing joins over lines that are missing. */
  forget(): void {
    for (const tid of this.#calls.keys()) this.#endRun(tid)
    this.#faults.clear()
    this.#calls.clear()
    this.#forks.clear()
    this.#early.clear()
  }

  #fork(line: Told): void {
    const [tgid, tid, child] = ['pid', 'tid', 'child'].map(line.number)
    const to = line.word('to')
    const isJoined = this.#forks.get(tid) === to
    this.#forks.delete(tid)
    const otherMm = isJoined ? this.#mms.of(to) : this.#mms.begin(to)
    const mm = this.#mms.of(line.word('mm'))
    this.#mmOfPid.set(tgid, mm)
    this.#mmOfPid.set(child, otherMm)
    this.#name(line, tgid, mm)
    this.#comms.set(child, line.text)
    this.#sink.process({
      tgid: child,
      parentTgid: tgid,
      mm: otherMm,
      comm: line.text,
      startTimeNs: line.timeNs,
    })
    this.#emit(line, Kind.Fork, { mm, otherMm, otherTgid: child })
  }

  #exec(line: Told): void {
    const tgid = line.number('pid')
    const otherMm = this.#mms.of(line.word('mm'))
    const mm = this.#mmOfPid.get(tgid) ?? 0
    this.#mmOfPid.set(tgid, otherMm)
    this.#name(line, tgid, otherMm)
    this.#emit(line, Kind.Exec, { mm, otherMm })
  }

  #forkVma(line: Told): void {
    const tid = line.number('tid')
    const to = line.word('to')
    // The place of an address space whose end was missed.
    if (this.#forks.get(tid) !== to) this.#mms.begin(to)
    this.#forks.set(tid, to)
    const mm = this.#mms.of(line.word('mm'))
    const otherMm = this.#mms.of(to)
    for (const row of this.#early.get(tid) ?? []) this.#sink.event({ ...row, mm, otherMm })
    this.#early.delete(tid)
    const flags = vmaFlags(line.word('vm')) | (line.number('anon') === 0 ? 0 : Flag.VmaAnon)
    const outcome = line.number('failed') === 0 ? Outcome.None : Outcome.Failed
    this.#emit(line, Kind.ForkVma, { mm, otherMm, outcome, flags, ...range(line, 'from', 'until') })
  }

  #beginFault(line: Told): void {
    const tid = line.number('tid')
    const pte = line.word('pte')
    const isZero = (pte & PTE_SPECIAL) !== 0n
    const call = this.#calls.get(tid)
    const fault = faultFlags(line.number('fault'))
    const isInGup = call !== undefined && (fault & Flag.User) === 0
    const flags =
      fault |
      vmaFlags(line.word('vm')) |
      ((pte & PTE_UFFD_WP) === 0n ? 0 : Flag.UffdWp) |
      (isZero ? Flag.Zero : frameFlags(line.number('bits'))) |
      (isInGup ? Flag.InGup : 0)
    const mm = this.#mms.of(line.word('mm'))
    if ((flags & Flag.Remote) === 0) this.#mmOfPid.set(line.number('pid'), mm)
    this.#kept(line)
    this.#faults.set(tid, {
      pte,
      row: this.#row(line, Kind.WpFault, {
        mm,
        flags,
        vpn: pageOf(line.number('at')),
        pages: 1,
        oldPfn: pfnOf(pte),
        aux: isInGup ? call.foll : 0,
        ...(isZero ? {} : counts(line)),
      }),
    })
  }

  #anon(line: Told): void {
    const tid = line.number('tid')
    const vpn = pageOf(line.number('at'))
    const newPfn = line.number('pfn')
    const newRefcount = signed(line.number('refs'))
    this.#kept(line)
    if (line.number('forking') !== 0) {
      const early = this.#early.get(tid) ?? []
      early.push(this.#row(line, Kind.ForkCopy, { vpn, newPfn, newRefcount, pages: 1 }))
      this.#early.set(tid, early)
      return
    }
    const mm = this.#mms.of(line.word('mm'))
    this.#name(line, line.number('pid'), mm)
    const fault = this.#faults.get(tid)
    if (fault?.row.mm === mm && fault.row.vpn === vpn) {
      this.#faults.delete(tid)
      const outcome = (fault.row.flags & Flag.Unshare) === 0 ? Outcome.Copy : Outcome.Unshare
      this.#sink.event({ ...fault.row, timeNs: line.timeNs, cpu: line.cpu, outcome, newPfn, newRefcount })
      return
    }
    const isLarge = line.number('large') !== 0
    const order = isLarge ? line.number(this.#hasNewOrder ? 'second' : 'older') & 31 : 0
    this.#emit(line, Kind.AnonNew, {
      mm,
      vpn,
      newPfn,
      newRefcount,
      order,
      pages: 2 ** order,
      flags: Flag.Anon | (isLarge ? Flag.Large : 0) | (order === PMD_ORDER ? Flag.PmdMapped : 0),
    })
  }

  /** How a fault ended that did not copy. */
  #endFault(line: Told): void {
    const tid = line.number('tid')
    const fault = this.#faults.get(tid)
    if (fault === undefined) return
    this.#faults.delete(tid)
    const { row, pte } = fault
    const now = line.word('pte')
    const isWritable = pfnOf(now) === pfnOf(pte) && (now & PTE_WRITE) !== 0n
    const ended = { ...row, timeNs: line.timeNs, cpu: line.cpu }
    if (isWritable) {
      const outcome = (row.flags & Flag.VmaShared) === 0 ? Outcome.Reuse : Outcome.Shared
      this.#sink.event({ ...ended, outcome, newPfn: row.oldPfn })
    } else if ((line.number('result') & RESULT_FAILED) !== 0)
      this.#sink.event({ ...ended, outcome: Outcome.Failed })
    else if ((row.flags & Flag.Unshare) !== 0) this.#sink.event({ ...ended, outcome: Outcome.UnshareNoop })
    else this.#sink.event({ ...ended, outcome: Outcome.Retry })
  }

  #beginCall(line: Told): void {
    const foll = follOf(line.number('flags'), innermost(line.text), this.#hasNewFlags)
    const firstVpn = pageOf(line.number('at'))
    this.#call = (this.#call + 1) % CALLS
    const row = this.#row(line, Kind.Gup, {
      mm: this.#mms.of(line.word('mm')),
      aux: foll + this.#call * LOW_BITS,
      stack: this.stacks.numberOf(line.text),
    })
    this.#calls.set(line.number('tid'), { row, foll, firstVpn, taken: -1, read: 0 })
  }

  #returned(line: Told): void {
    const tid = line.number('tid')
    const call = this.#calls.get(tid)
    const taken = line.number('taken')
    if (call === undefined || taken === 0) this.#calls.delete(tid)
    else call.taken = taken
  }

  /** One page of a call that has returned: a part of the run before, or the first of another. */
  #page(line: Told): void {
    const tid = line.number('tid')
    const call = this.#calls.get(tid)
    if (call === undefined || call.taken < 0) {
      this.#sink.lost('gup', 1, line.timeNs)
      return
    }
    const { row } = call
    const i = line.number('i')
    const pfn = line.number('pfn')
    const flags = frameFlags(line.number('bits'))
    const isNext = row.pages > 0 && i === call.read && pfn === row.oldPfn + row.pages && flags === row.flags
    this.#kept(line)
    if (isNext) row.pages++
    else {
      this.#tellRun(call)
      Object.assign(row, counts(line))
      row.timeNs = line.timeNs
      row.vpn = call.firstVpn + i
      row.oldPfn = pfn
      row.pages = 1
      row.flags = flags
    }
    call.read = i + 1
    if (call.read === call.taken) this.#endRun(tid)
  }

  /** The task does something else: no more pages of its call will come. */
  #endRun(tid: number): void {
    const call = this.#calls.get(tid)
    if (call === undefined || call.read === 0) return
    this.#tellRun(call)
    if (call.taken > call.read) this.#sink.lost('gup', call.taken - call.read, call.row.timeNs)
    this.#calls.delete(tid)
  }

  #tellRun({ row }: Call): void {
    if (row.pages > 0) this.#sink.event({ ...row })
    row.pages = 0
  }

  #unpin(line: Told): void {
    const count = line.number('count')
    // One call with many references on one page, or one on each of many.
    const isOfOne = line.text === 'unpin_user_folio'
    const oldPfn = line.number('pfn')
    this.#emit(line, Kind.Unpin, {
      oldPfn,
      pages: isOfOne ? 1 : Math.min(count, LOW_BITS - 1),
      aux: isOfOne ? count : 1,
    })
  }

  #name(line: Told, tgid: number, mm: number): void {
    if (this.#comms.get(tgid) === line.text && this.#mmOfPid.get(tgid) === mm) return
    this.#comms.set(tgid, line.text)
    this.#mmOfPid.set(tgid, mm)
    this.#sink.process({ tgid, parentTgid: 0, mm, comm: line.text, startTimeNs: 0 })
  }

  /** Where the script's table of frames was full, what ends with this one will not be told. */
  #kept(line: Told): void {
    if (line.number('kept') === 0) this.#sink.lost('free', 1, line.timeNs)
  }

  #emit(line: Told, kind: Kind, columns: Partial<EventRow>): void {
    this.#sink.event(this.#row(line, kind, columns))
  }

  #row(line: Told, kind: Kind, columns: Partial<EventRow>): EventRow {
    return {
      ...NO_EVENT,
      kind,
      timeNs: line.timeNs,
      cpu: line.cpu,
      tgid: line.number('pid'),
      tid: line.number('tid'),
      ...columns,
    }
  }
}

function counts(line: Told): Pick<EventRow, 'refcount' | 'mapcount' | 'pincount'> {
  const refcount = signed(line.number('refs'))
  const isLarge = (frameFlags(line.number('bits')) & Flag.Large) !== 0
  return {
    refcount,
    // The kernel counts mappings from -1.
    mapcount: signed(line.number('maps')) + 1,
    pincount: isLarge || refcount < PIN_BIAS ? 0 : Math.floor(refcount / PIN_BIAS),
  }
}

function range(line: Told, from: string, until: string): Pick<EventRow, 'vpn' | 'pages'> {
  const vpn = pageOf(line.number(from))
  return { vpn, pages: Math.min(Math.max(pageOf(line.number(until)) - vpn, 0), LOW_BITS - 1) }
}

function pageOf(address: number): number {
  return Math.floor(address / 4096)
}

function pfnOf(pte: bigint): number {
  return Number((pte >> 12n) & MASK_PFN)
}

function signed(bits: number): number {
  return bits | 0
}
