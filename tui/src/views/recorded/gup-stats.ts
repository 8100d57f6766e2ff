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

/** A row of db/queries/protections.sql. */
export interface ProtectionRow {
  /** In the words of the table `word`: `wrprotect`, `fork-vma`. */
  readonly kind: string
  readonly ranges: number
  readonly pages: number
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
  /** R03: write protections of pages that somebody holds; `unknown` where that is a FOLL_GET, whose end nobody sees. */
  readonly held: readonly RuleCountRow[]
  /** All that was write-protected, held or not. */
  readonly protections: readonly ProtectionRow[]
  readonly refused_by: readonly CauseRow[]
}

/** The answers in words, above the tables. */
export function gupAnswers(stats: GupStats): readonly string[] {
  const { takers, reads, reads_by, held, protections, refused_by } = stats
  const references = sum(takers, ({ pins }) => pins)
  const readOnly = sum(takers, ({ read_only }) => read_only)
  const mprotect = refused_by.filter(({ cause }) => cause === 'mprotect')
  const ranges = (kind: string) => count(sum(protections, (row) => (row.kind === kind ? row.ranges : 0)))
  return [
    `GUP took ${count(references)} references, ${share(readOnly, references)} of them without FOLL_WRITE.`,
    `Of ${count(sum(reads, checkedOf))} without FOLL_WRITE on private anonymous pages, ` +
      `${share(sum(reads, brokenOf), sum(reads, checkedOf))} found the page read-only and shared${whoever(reads_by)}.`,
    `Of ${ranges('wrprotect')} write protections and ${ranges('fork-vma')} ranges copied by fork, rule (c) would have refused ` +
      `${count(sum(held, brokenOf))}: ${count(sum(mprotect, ({ observations }) => observations))} by mprotect${whoever(mprotect)}.`,
    `It cannot be said of ${count(sum(held, unknownOf))} of these, for a FOLL_GET that may have ended or for lost events, ` +
      `and of ${count(sum(reads, unknownOf))} of those references.`,
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

function unknownOf({ unknown }: RuleCountRow): number {
  return unknown
}

function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0)
}
