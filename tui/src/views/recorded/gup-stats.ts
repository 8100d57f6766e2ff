import { printable } from '../printable.js'
import { count } from '../units.js'
import type { TakerRow } from './pins.js'

/** How often a rule was checked at one page size; a row of db/queries/rule-counts.sql. */
export interface RuleCountRow {
  readonly rule: string
  readonly size: string
  readonly checked: number
  readonly held: number
  readonly broken: number
  readonly unknown: number
}

/** Observations of a rule by cause; a row of db/queries/findings-by-cause.sql. */
export interface CauseRow {
  readonly cause: string
  readonly reference_kind: string | null
  readonly taker: string | null
  readonly observations: number
  readonly processes: number
}

/**
 * The two questions of Lutomirski and Torvalds (Jan 2021, "mm: restore full accuracy in COW page reuse") that nobody
 * answered with data: how common is GUP without FOLL_WRITE on a read-only COW page, and would refusing to write-protect
 * a held page (rule (c), R03) hurt those who call mprotect.
 */
export interface GupStats {
  readonly takers: readonly TakerRow[]
  /** A04: GUP without FOLL_WRITE on a COW page; `broken` where the page was shared and read-only. */
  readonly reads: readonly RuleCountRow[]
  readonly reads_by: readonly CauseRow[]
  /** R03: write protections of COW pages; `broken` where somebody held the page. */
  readonly protections: readonly RuleCountRow[]
  readonly refused_by: readonly CauseRow[]
}

/** The answers in words, above the tables. */
export function gupAnswers({
  takers,
  reads,
  reads_by,
  protections,
  refused_by,
}: GupStats): readonly string[] {
  const references = sum(takers, ({ pins }) => pins)
  const readOnly = sum(takers, ({ read_only }) => read_only)
  const mprotect = refused_by.filter(({ cause }) => cause === 'mprotect')
  return [
    `GUP took ${count(references)} references, ${share(readOnly, references)} of them without FOLL_WRITE.`,
    `Without FOLL_WRITE on a COW page: ${count(sum(reads, checkedOf))} checked; ` +
      `${share(sum(reads, brokenOf), sum(reads, checkedOf))} found it read-only and shared${whoever(reads_by)}.`,
    `Write protections of COW pages: ${count(sum(protections, checkedOf))} checked; rule (c) would have refused ` +
      `${share(sum(protections, brokenOf), sum(protections, checkedOf))}, ` +
      `of these ${count(sum(mprotect, ({ observations }) => observations))} by mprotect${whoever(mprotect)}.`,
    `Not decided, because events are missing: ${count(sum([...reads, ...protections], ({ unknown }) => unknown))}.`,
  ]
}

function whoever(causes: readonly CauseRow[]): string {
  const takers = [...new Set(causes.flatMap(({ taker }) => (taker === null ? [] : [taker])))].slice(0, 3)
  return takers.length === 0 ? '' : ` (taken by ${takers.map((taker) => printable(taker)).join(', ')})`
}

/** `12 (3.4 %)`. */
function share(part: number, whole: number): string {
  return whole === 0 ? '0' : `${count(part)} (${((part / whole) * 100).toFixed(1)} %)`
}

function checkedOf({ checked }: RuleCountRow): number {
  return checked
}

function brokenOf({ broken }: RuleCountRow): number {
  return broken
}

function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0)
}
