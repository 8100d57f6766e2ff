import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { Recording } from '../store/recording.js'
import { SYNTHETIC_AGENT } from '../store/synthetic.js'
import { RecordingWriter } from '../store/writer.js'
import { pageLines } from '../views/page-lines.js'
import { pageView, type FamilyPart, type FrameNode, type PageView } from '../views/page.js'
import { sourceOf } from './page.js'

const VPN = 0x7f0000010
const CHILDREN = 120
/** Of the parent, after it has copied the page as often. */
const GENERATIONS = 70

let folder: string
let path: string

/** A parent forks children, each of which copies its page; then the parent's own page is copied again and again. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'large.db')
  const nothing = () => undefined
  const writer = await RecordingWriter.open(path, {
    durable: nothing,
    paused: nothing,
    resumed: nothing,
    failed: nothing,
  })
  writer.run(1, SYNTHETIC_AGENT, 1)
  let [frame, slot, edge, seq] = [0, 0, 0, 1]
  const parent = { mm: 1, frame: 0, slot: 0 }
  const begin = (mm: number, parentMm: number) => {
    const born = { run: 1, agentMm: mm, bornNs: seq, bornBy: parentMm === 0 ? 'seen' : 'fork' } as const
    writer.mm({ mm, parentMm, ...born })
    writer.process({ tgid: 100 + mm, parentTgid: 101, mm, comm: 'worker', startTimeNs: 0, seenNs: seq })
  }
  const map = (mm: number, cause: Cause) => {
    writer.frameSeen(++frame, 5000 + frame, 0, FrameKind.Anon, seq, seq)
    writer.slotMapped(++slot, mm, VPN, frame, seq, cause, seq, true)
  }
  const copy = (of: { readonly mm: number; readonly frame: number; readonly slot: number }) => {
    seq++
    writer.slotEnded(of.slot, seq, Cause.Copy, seq, of.mm, VPN)
    map(of.mm, Cause.Copy)
    writer.edge(++edge, EdgeKind.Copy, of.frame, frame, of.mm, VPN, seq, seq)
    return { mm: of.mm, frame, slot }
  }
  begin(1, 0)
  map(1, Cause.Seen)
  let first = { ...parent, frame, slot }
  for (let mm = 2; mm < 2 + CHILDREN; mm++) {
    seq++
    begin(mm, 1)
    writer.slotMapped(++slot, mm, VPN, 1, seq, Cause.Fork, seq, false)
    copy({ mm, frame: 1, slot })
  }
  for (let generation = 0; generation < GENERATIONS; generation++) first = copy(first)
  await writer.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function viewOf(tgid: number, part: FamilyPart): PageView {
  const recording = Recording.open(path)
  try {
    return pageView(sourceOf(recording), { tgid, vpn: VPN }, part)
  } finally {
    recording.close()
  }
}

function framesIn(nodes: readonly FrameNode[]): number {
  return nodes.reduce((sum, { children }) => sum + 1 + framesIn(children), 0)
}

test('of a large family the nearest are told, and how many more there are', () => {
  const view = viewOf(102, 'nearest')
  expect(view.slots.map(({ pfn }) => pfn)).toEqual([5001, 5002])
  expect(view.cut).toBe(true)
  const [root] = view.trees
  expect(view.trees).toHaveLength(1)
  expect(root).toMatchObject({ pfn: 5001, asked: true, hasUntoldParent: false })
  expect(framesIn(view.trees)).toBe(32)
  expect(root.children.length + root.untold).toBe(CHILDREN + 1)
  const lines = pageLines(view, { width: 100, charset: 'ascii' })
  expect(lines).toContain(`\`- ${root.untold} more`)
  expect(lines.at(-1)).toMatch(/family is larger.*page --all/)
})

test('a frame that came of one that is not told says so', () => {
  const recording = Recording.open(path)
  try {
    const [root] = pageView(sourceOf(recording), { pfn: 5001 + CHILDREN + GENERATIONS, atNs: null }).trees
    expect(root).toMatchObject({ by: 'copy', hasUntoldParent: true, asked: false })
    expect(framesIn([root])).toBe(31)
  } finally {
    recording.close()
  }
})

test('--all tells all of it', () => {
  const view = viewOf(102, 'most')
  expect(view.cut).toBe(false)
  expect(framesIn(view.trees)).toBe(1 + CHILDREN + GENERATIONS)
})
