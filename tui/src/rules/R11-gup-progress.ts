import { Flag, Kind, Outcome } from '../model/kinds.js'
import type { Answer, Checks, Look, Rule } from './rule.js'
import type { Scene } from './scene.js'

/**
 * R11: a GUP call does not fault the same address over and over.
 *
 * Source: Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not force a COW break on file-backed memory".
 */
export const gupProgress: Rule = {
  id: 'R11',
  name: 'gup-progress',
  statement: 'A GUP call does not fault the same address more than 8 times.',
  source:
    'Wilcox / Torvalds, 2 Dec 2021, "[5.4 PATCH] mm/gup: Do not force a COW break on file-backed memory"',
  needs: ['gup'],
  judgesBy: 'state',
  isAboutPins: false,
  begin,
}

const MOST_FAULTS = 8
/** Tasks that are in a GUP call at once; beyond that the one that began first is forgotten. */
const MOST_CALLS = 4096
/** A call of which no event was seen to end it is over by then. */
const LONGEST_NS = 10e9

interface Faulting {
  mm: number
  vpn: number
  faults: number
  sinceNs: number
}

function begin(): Checks {
  const calls = new Map<number, Faulting>()
  const fault: Look = { check: (scene) => faulted(scene, calls) }
  return {
    [Kind.WpFault]: fault,
    [Kind.HugeWp]: fault,
    [Kind.HugetlbWp]: fault,
    [Kind.Gup]: {
      check: (scene) => {
        calls.delete(scene.events.tid[scene.i])
        return undefined
      },
    },
  }
}

function faulted(scene: Scene, calls: Map<number, Faulting>): Answer {
  const { events, i } = scene
  if (!scene.has(Flag.InGup) || scene.outcome === Outcome.Failed) {
    // It faults by itself, or the call fails: that call is over.
    if (calls.size > 0) calls.delete(events.tid[i])
    return undefined
  }
  const tid = events.tid[i]
  const { vpn, mm, timeNs } = scene
  const call = calls.get(tid)
  if (call?.vpn !== vpn || call.mm !== mm || timeNs - call.sinceNs > LONGEST_NS) {
    forget(calls, tid)
    calls.set(tid, { mm, vpn, faults: 1, sinceNs: timeNs })
    return 'held'
  }
  // Beyond a gap it may be another call.
  if (scene.slot?.isCertain === false) {
    call.faults = 1
    return 'unknown'
  }
  call.faults++
  if (call.faults <= MOST_FAULTS) return undefined
  return {
    verdict: scene.judged('R11', 'measured', { cause: 'gup' }),
    cause: 'gup',
    words: `fault ${call.faults} of one GUP call on the same address, ${Math.max(0, timeNs - call.sinceNs)} ns after the first`,
  }
}

function forget(calls: Map<number, Faulting>, tid: number): void {
  if (calls.delete(tid) || calls.size < MOST_CALLS) return
  const [oldest] = calls.keys()
  calls.delete(oldest)
}
