import { EdgeKind } from '../model/facts.js'
import type { Recording } from '../store/recording.js'
import { count, sinceBoot } from '../views/units.js'
import { html, type Html } from './html.js'
import { restOf } from './table.js'

/** A row of db/queries/lineage.sql: a frame and how it came of its parent. */
interface FamilyRow {
  readonly frame: number
  readonly parent: number | null
  readonly pfn: number
  readonly folio_order: number
  readonly freed_ns: number | null
  readonly kind: number | null
  readonly mm: number | null
  readonly at_ns: number | null
}

const FRAMES = 24
const BOX = { width: 190, height: 34, indent: 40, step: 46 }

const EDGE_WORDS: Readonly<Record<number, string>> = {
  [EdgeKind.Copy]: 'copy',
  [EdgeKind.Unshare]: 'unshared',
  [EdgeKind.ForkCopy]: 'copied at fork',
  [EdgeKind.Migrate]: 'migrated',
  [EdgeKind.Swap]: 'swapped',
  [EdgeKind.Collapse]: 'collapsed',
  [EdgeKind.Split]: 'split',
  [EdgeKind.Ksm]: 'merged by KSM',
}

/** The page of which a finding tells. */
export interface FoundPage {
  readonly finding: number
  readonly mm: number
  readonly vpn: number
  readonly at_ns: number
}

/** The family of the frame that the page mapped then, as a tree: what came of what, when and for whom. */
export function lineageGraph(recording: Recording, page: FoundPage): Html {
  const [found] = recording.ask<{ frame: number } | undefined>('frame-at', {
    mm: page.mm,
    vpn: page.vpn,
    at_ns: page.at_ns,
  })
  if (found === undefined) return html`<p>What this page mapped then is not recorded.</p>`
  const rows = recording.ask<FamilyRow>('lineage', { frame: found.frame, limit: FRAMES + 1 })
  const family = inOrder(rows.slice(0, FRAMES))
  const id = `lineage-${page.finding}`
  const deepest = Math.max(0, ...family.map(({ depth }) => depth))
  const width = deepest * BOX.indent + BOX.width + 380
  const height = family.length * BOX.step
  const told = family.map(({ row }) => `${frameWords(row)}: ${originWords(row)}`).join('. ')
  const boxes = family.map(({ row, depth, parentPlace, parentDepth }, place) => {
    const [x, y] = [depth * BOX.indent + 4, place * BOX.step + 4]
    const line =
      parentPlace < 0
        ? html``
        : html`<path
            d="M${parentDepth * BOX.indent + 20} ${parentPlace * BOX.step + 4 + BOX.height} V${y + BOX.height / 2} H${x}"
            fill="none"
            stroke="#333"
            stroke-width="1.5"
          />`
    const isFound = row.frame === found.frame
    return html`${line}<rect
        x="${x}"
        y="${y}"
        width="${BOX.width}"
        height="${BOX.height}"
        fill="${isFound ? '#fff3d6' : '#fff'}"
        stroke="#333"
        stroke-width="${isFound ? 3 : 1}"
        ${row.freed_ns === null ? html`` : html` stroke-dasharray="4 3"`}
      />
      <text x="${x + 8}" y="${y + 22}">${frameWords(row)}</text>
      <text x="${x + BOX.width + 10}" y="${y + 22}">${originWords(row)}</text>`
  })
  return html`<figure>
      <svg
        viewBox="0 0 ${width} ${height}"
        width="${width}"
        role="img"
        aria-labelledby="${id}-title ${id}-desc"
      >
        <title id="${id}-title">Lineage of the page of finding ${page.finding}</title>
        <desc id="${id}-desc">${told}</desc>
        ${boxes}
      </svg>
      <figcaption>
        The thick frame is what the page mapped after the last observation; dashed: freed since.
      </figcaption>
    </figure>
    ${rows.length > FRAMES ? html`<p class="rest">and more frames of this family: cowpath page tells all</p>` : restOf(0)}`
}

interface Placed {
  readonly row: FamilyRow
  readonly depth: number
  readonly parentPlace: number
  readonly parentDepth: number
}

/** Parents before their children, each child below its parent; a frame that has two parents stands once. */
function inOrder(rows: readonly FamilyRow[]): readonly Placed[] {
  const placed: Placed[] = []
  const met = new Set<number>()
  const add = (row: FamilyRow, depth: number, parentPlace: number): void => {
    if (met.has(row.frame)) return
    met.add(row.frame)
    const place = placed.length
    placed.push({ row, depth, parentPlace, parentDepth: depth - 1 })
    for (const child of rows) if (child.parent === row.frame) add(child, depth + 1, place)
  }
  for (const row of rows) if (row.parent === null) add(row, 0, -1)
  return placed
}

function frameWords({ pfn, folio_order, freed_ns }: FamilyRow): string {
  const size = folio_order === 0 ? '' : `, ${count(2 ** folio_order)} pages`
  return `pfn ${pfn}${size}${freed_ns === null ? '' : ', freed'}`
}

function originWords({ kind, mm, at_ns }: FamilyRow): string {
  if (kind === null || at_ns === null) return 'the first that is known'
  return `${EDGE_WORDS[kind] ?? `edge ${kind}`} at ${sinceBoot(at_ns)} s for address space ${mm ?? 0}`
}
