import { Cause, EdgeKind } from '../model/facts.js'
import { wordsOf } from './words-of.js'

/** A recording as the page view asks it; `store/recording.ts` is one. */
export interface PageSource {
  ask<Row>(query: string, parameters: Readonly<Record<string, string | number | null>>): Row[]
  /** What event `seq` of a run says of its page; undefined where it was not recorded. */
  countsAt(run: number, seq: number): PageCounts | undefined
}

/** The counts that the kernel decided by, read under the page-table lock. */
export interface PageCounts {
  readonly refcount: number
  readonly mapcount: number
  readonly pincount: number
  readonly exclusive: boolean
  /** Of the frame that is mapped after the step, where it is another. */
  readonly newRefcount: number
}

export type PageTarget =
  | { readonly tgid: number; readonly vpn: number }
  /** `atNs` null: all lives of the frame. */
  | { readonly pfn: number; readonly atNs: number | null }

/** One page's whole history: what it mapped, from when, until when and why, and the family of those frames. */
export interface PageView {
  readonly slots: readonly SlotView[]
  /** References that GUP took through the page, or on the frame; the first ones. */
  readonly pins: readonly PagePin[]
  /** What the rules found of it, the most alarming first. */
  readonly findings: readonly PageFinding[]
  readonly trees: readonly FrameNode[]
  /** True where the family is larger than what is told of it. */
  readonly cut: boolean
}

/** A row of db/queries/page-pins.sql. */
export interface PagePin {
  readonly pin: number
  readonly tgid: number
  readonly comm: string | null
  readonly taker: string | null
  /** Of its stack, as JSON; null: none was taken. */
  readonly frames: string | null
  readonly kind: string
  readonly write: number
  readonly longterm: number
  readonly from_ns: number
  readonly until_ns: number | null
  readonly ended_by: string | null
}

/** A row of db/queries/page-findings.sql. */
export interface PageFinding {
  readonly finding: number
  readonly rule: string
  readonly verdict: string
  readonly count: number
  readonly first_ns: number
  readonly last_ns: number
  readonly cause: string
  readonly words: string | null
}

export interface SlotView {
  readonly slot: number
  readonly mm: number
  readonly tgid: number | null
  readonly comm: string
  readonly vpn: number
  readonly frame: number
  readonly pfn: number
  readonly order: number
  readonly fromNs: number
  readonly fromCause: string
  readonly fromSeq: number
  readonly untilNs: number | null
  readonly untilCause: string | null
  readonly certain: boolean
  /** At the event that began the interval. */
  readonly counts: PageCounts | null
}

export interface FrameNode {
  readonly frame: number
  readonly pfn: number
  readonly order: number
  readonly freedNs: number | null
  /** How it came of the frame above; null for the first. */
  readonly by: string | null
  readonly atNs: number | null
  /** True for the frames that the page asked for has mapped. */
  readonly asked: boolean
  readonly owners: readonly OwnerView[]
  readonly children: readonly FrameNode[]
  /** Frames that came of it and are not among the children. */
  readonly untold: number
  /** It came of a frame that is not told. */
  readonly hasUntoldParent: boolean
}

export interface OwnerView {
  readonly tgid: number | null
  readonly comm: string
  readonly vpn: number
  readonly fromNs: number
  readonly untilNs: number | null
}

/** Of a family, the nearest: a page that hundreds share has as many copies, and nobody reads them all. */
const NEAREST_FRAMES = 30
/** With --all. Copies of copies nest as deep, and so does what tells them. */
const MOST_FRAMES = 2000
const OWNERS_A_FRAME = 50
/** 1 GiB of 4 KiB pages: the largest folio that is mapped as one. */
const LARGEST_ORDER = 18
const PINS_A_PAGE = 1000
const FINDINGS_A_PAGE = 100

interface SlotRow {
  readonly slot: number
  readonly mm: number
  readonly tgid: number | null
  readonly comm: string | null
  readonly vpn: number
  readonly frame: number
  readonly pfn: number
  readonly folio_order: number
  readonly from_ns: number
  readonly from_cause: number
  readonly from_seq: number
  readonly until_ns: number | null
  readonly until_cause: number | null
  readonly certain: number
  readonly run: number | null
}

interface LineageRow {
  readonly frame: number
  readonly parent: number | null
  readonly pfn: number
  readonly folio_order: number
  readonly freed_ns: number | null
  readonly kind: number | null
  readonly at_ns: number | null
  readonly children: number
}

/** How much of its family is told with a page. */
export type FamilyPart = 'nearest' | 'most'

/** Asks for all that is known of a page. */
export function pageView(source: PageSource, target: PageTarget, part: FamilyPart = 'nearest'): PageView {
  const rows =
    'pfn' in target
      ? source.ask<SlotRow>('page-by-pfn', { pfn: target.pfn, at_ns: target.atNs })
      : rowsAt(source, target.tgid, target.vpn)
  const asked = new Set(rows.map((row) => row.frame))
  const family = source.ask<LineageRow>('family', {
    frames: JSON.stringify([...asked]),
    limit: asked.size + (part === 'most' ? MOST_FRAMES : NEAREST_FRAMES),
  })
  const trees = treesOf(source, family, asked)
  const page =
    'pfn' in target
      ? { tgid: null, vpn: null, pfn: target.pfn }
      : { tgid: target.tgid, vpn: target.vpn, pfn: null }
  const alive = 'pfn' in target && target.atNs !== null ? lifeOf(rows) : undefined
  return {
    slots: rows.map((row) => slotView(source, row)),
    pins: source
      .ask<PagePin>('page-pins', { ...page, limit: PINS_A_PAGE })
      .filter((pin) => alive === undefined || overlaps(alive, pin.from_ns, pin.until_ns)),
    findings: source
      .ask<PageFinding>('page-findings', { ...page, limit: FINDINGS_A_PAGE })
      .filter((finding) => alive === undefined || overlaps(alive, finding.first_ns, finding.last_ns)),
    trees,
    cut: trees.some(isCut),
  }
}

/** The page's own intervals; where there is none, those of the folio that was mapped over it as one, which its first page tells. */
function rowsAt(source: PageSource, tgid: number, vpn: number): readonly SlotRow[] {
  const at = (page: number) => source.ask<SlotRow>('page-by-address', { tgid, vpn: page })
  const own = at(vpn)
  for (let order = 1; own.length === 0 && order <= LARGEST_ORDER; order++) {
    const first = vpn - (vpn % 2 ** order)
    if (first === vpn - (vpn % 2 ** (order - 1))) continue
    const over = at(first).filter(
      ({ folio_order, pfn }) => vpn < first + 2 ** folio_order && pfn % 2 ** folio_order === 0,
    )
    if (over.length > 0) return over
  }
  return own
}

interface Span {
  readonly fromNs: number
  readonly untilNs: number
}

/** While somebody mapped it. */
function lifeOf(rows: readonly SlotRow[]): Span {
  return {
    fromNs: rows.reduce((first, { from_ns }) => Math.min(first, from_ns), Infinity),
    untilNs: rows.reduce((last, { until_ns }) => Math.max(last, until_ns ?? Infinity), 0),
  }
}

function overlaps(span: Span, fromNs: number, untilNs: number | null): boolean {
  return fromNs <= span.untilNs && (untilNs ?? Infinity) >= span.fromNs
}

function slotView(source: PageSource, row: SlotRow): SlotView {
  return {
    slot: row.slot,
    mm: row.mm,
    tgid: row.tgid,
    comm: row.comm ?? '',
    vpn: row.vpn,
    frame: row.frame,
    pfn: row.pfn,
    order: row.folio_order,
    fromNs: row.from_ns,
    fromCause: causeName(row.from_cause),
    fromSeq: row.from_seq,
    untilNs: row.until_ns,
    untilCause: row.until_cause === null ? null : causeName(row.until_cause),
    certain: row.certain === 1,
    counts: (row.run === null ? undefined : source.countsAt(row.run, row.from_seq)) ?? null,
  }
}

function treesOf(
  source: PageSource,
  family: readonly LineageRow[],
  asked: ReadonlySet<number>,
): readonly FrameNode[] {
  const childrenOf = new Map<number | null, LineageRow[]>()
  const placed = new Set<number>()
  for (const row of family) {
    // A damaged file may say that a frame came of two, or of itself: the first word counts.
    if (placed.has(row.frame)) continue
    placed.add(row.frame)
    const siblings = childrenOf.get(row.parent)
    if (siblings === undefined) childrenOf.set(row.parent, [row])
    else siblings.push(row)
  }
  const owners = ownersOf(source, [...placed])
  const isRoot = ({ parent }: LineageRow) => parent === null || !placed.has(parent)
  const node = (row: LineageRow): FrameNode => ({
    frame: row.frame,
    pfn: row.pfn,
    order: row.folio_order,
    freedNs: row.freed_ns,
    by: row.kind === null ? null : edgeName(row.kind),
    atNs: row.at_ns,
    asked: asked.has(row.frame),
    owners: owners.get(row.frame) ?? [],
    children: (childrenOf.get(row.frame) ?? []).map(node),
    untold: Math.max(0, row.children - (childrenOf.get(row.frame)?.length ?? 0)),
    hasUntoldParent: row.parent !== null && isRoot(row),
  })
  return family
    .filter((row, i) => isRoot(row) && family.findIndex(({ frame }) => frame === row.frame) === i)
    .map(node)
}

/** Whether frames of the family are not told. */
export function isCut({ untold, hasUntoldParent, children }: FrameNode): boolean {
  return untold > 0 || hasUntoldParent || children.some(isCut)
}

interface OwnerRow {
  readonly frame: number
  readonly tgid: number | null
  readonly comm: string | null
  readonly vpn: number
  readonly from_ns: number
  readonly until_ns: number | null
}

/** By frame, in one question: a family may have hundreds. */
function ownersOf(source: PageSource, frames: readonly number[]): ReadonlyMap<number, readonly OwnerView[]> {
  const owners = new Map<number, OwnerView[]>()
  const rows = source.ask<OwnerRow>('family-slots', { frames: JSON.stringify(frames), limit: OWNERS_A_FRAME })
  for (const { frame, tgid, comm, vpn, from_ns, until_ns } of rows) {
    const owner = { tgid, comm: comm ?? '', vpn, fromNs: from_ns, untilNs: until_ns }
    const known = owners.get(frame)
    if (known === undefined) owners.set(frame, [owner])
    else known.push(owner)
  }
  return owners
}

/** The word for a cause; a number of a newer recording shows as itself. */
export function causeName(cause: number): string {
  return CAUSE_NAMES[cause] ?? `cause ${cause}`
}

/** The word for how a frame came of another. */
export function edgeName(kind: number): string {
  return EDGE_NAMES[kind] ?? `edge ${kind}`
}

const CAUSE_NAMES = wordsOf(Cause, '-')
const EDGE_NAMES = wordsOf(EdgeKind, '-')
