import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { Recording } from './recording.js'
import type { Keep } from './retention.js'
import { SYNTHETIC_AGENT } from './synthetic.js'
import { RecordingWriter } from './writer.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const PAGES = 48

/** What may happen to pages, each at a time of its own. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('copy'), mm: fc.nat(3), page: fc.nat(PAGES - 1) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('meet', 'meet-known'), mm: fc.nat(3), page: fc.nat(PAGES - 1) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('unmap'), mm: fc.nat(3), page: fc.nat(PAGES - 1) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('move'), mm: fc.nat(3), page: fc.nat(PAGES - 1) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('fork', 'fork-down'), mm: fc.nat(3), page: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('free'), mm: fc.nat(3), page: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('exit', 'flush'), mm: fc.nat(3), page: fc.nat(3) }) },
) // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** An address space whose pages map something. */
interface Space {
  readonly mm: number
  readonly pages: Map<number, { readonly slot: number; readonly frame: number }>
}

/** Tells a writer what happens, as a history would. */
class Teller {
  readonly #writer: RecordingWriter
  readonly #spaces: Space[]
  #mms = 0
  #frames = 0
  readonly #freed = new Set<number>()
  #slots = 0
  #edges = 0
  #now = 1e9

  constructor(writer: RecordingWriter) {
    this.#writer = writer
    writer.run(1, SYNTHETIC_AGENT, 1)
    this.#spaces = [0, 1, 2, 3].map(() => this.#begin())
  }

  async tell({ what, mm, page }: Step): Promise<void> {
    this.#now += 1000
    const space = this.#spaces[mm]
    switch (what) {
      case 'copy':
        this.#copy(space, page)
        return
      case 'meet':
        // It is found to map another frame than was known, which the same event copies.
        this.#meet(space, page, this.#seen())
        return
      case 'meet-known':
        // The same, of a frame that another page mapped before.
        if (this.#frames > page) this.#meet(space, page, this.#frames - page)
        return
      case 'unmap':
        for (let at = page; at < page + 5; at++) this.#end(space, at, Cause.Unmap)
        return
      case 'move': {
        const to = (page + 7) % PAGES
        const { frame } = space.pages.get(page) ?? { frame: 0 }
        if (frame === 0) return
        this.#end(space, page, Cause.Remap)
        this.#end(space, to, Cause.Remap)
        this.#map(space, to, frame, Cause.Remap)
        return
      }
      case 'fork':
      case 'fork-down':
        this.#fork(space, this.#spaces[page], what)
        return
      case 'free':
        this.#free(this.#frames - 8 * page)
        return
      case 'exit':
        for (const at of [...space.pages.keys()]) this.#end(space, at, Cause.MmExit)
        this.#writer.mmEnded(space.mm, this.#now, this.#now / 1000)
        this.#spaces[mm] = this.#begin()
        return
      case 'flush':
        await this.#writer.flush()
    }
  }

  #meet(space: Space, page: number, frame: number): void {
    this.#end(space, page, Cause.Contradicted)
    this.#map(space, page, frame, Cause.Seen)
    this.#copy(space, page)
  }

  #copy(space: Space, page: number): void {
    const old = space.pages.get(page)?.frame
    this.#end(space, page, Cause.Copy)
    const frame = this.#seen()
    this.#map(space, page, frame, Cause.Copy)
    if (old !== undefined)
      this.#writer.edge(++this.#edges, EdgeKind.Copy, old, frame, space.mm, page, this.#now, this.#now / 1000)
  }

  #fork(parent: Space, child: Space, what: 'fork' | 'fork-down'): void {
    const pages = [...parent.pages].sort(([a], [b]) => (what === 'fork' ? a - b : b - a))
    for (const [page, { frame }] of pages)
      if (!child.pages.has(page)) this.#map(child, page, frame, Cause.Fork, false)
  }

  #free(frame: number): void {
    if (frame <= 0 || this.#freed.has(frame)) return
    this.#freed.add(frame)
    this.#writer.frameFreed(frame, this.#now, this.#now / 1000)
  }

  #begin(): Space {
    const mm = ++this.#mms
    const born = { run: 1, agentMm: mm, parentMm: 0, bornNs: this.#now, bornBy: 'seen' } as const
    this.#writer.mm({ mm, ...born })
    return { mm, pages: new Map() }
  }

  #seen(): number {
    this.#writer.frameSeen(++this.#frames, this.#frames, 0, FrameKind.Anon, this.#now, this.#now / 1000)
    return this.#frames
  }

  #map(space: Space, page: number, frame: number, cause: Cause, certain = true): void {
    const slot = ++this.#slots
    this.#writer.slotMapped(slot, space.mm, page, frame, this.#now, cause, this.#now / 1000, certain)
    space.pages.set(page, { slot, frame })
  }

  #end(space: Space, page: number, cause: Cause): void {
    const known = space.pages.get(page)
    if (known === undefined) return
    this.#writer.slotEnded(known.slot, this.#now, cause, this.#now / 1000, space.mm, page)
    space.pages.delete(page)
  }
}

async function open(name: string, keep: Keep): Promise<RecordingWriter> {
  const nothing = () => undefined
  const listener = { durable: nothing, paused: nothing, resumed: nothing, failed: nothing }
  return RecordingWriter.open(join(folder, name), listener, keep)
}

async function written(name: string, steps: readonly Step[], keep: Keep): Promise<unknown> {
  rmSync(join(folder, name), { force: true })
  const writer = await open(name, keep)
  const teller = new Teller(writer)
  for (const each of steps) await teller.tell(each)
  await writer.close()
  return told(name)
}

/** All frames, intervals and edges, and their sums; and those of each page and each frame as the named queries find them. */
function told(name: string): unknown {
  const recording = Recording.open(join(folder, name))
  try {
    const frames = recording.select<{ frame: number }>('SELECT frame FROM frame').map(({ frame }) => frame)
    return {
      frames: recording.select('SELECT * FROM v_frame ORDER BY frame'),
      slots: recording.select('SELECT * FROM slot ORDER BY slot'),
      edges: recording.select('SELECT * FROM edge ORDER BY at_ns, to_frame'),
      owners: recording.ask('family-slots', { frames: JSON.stringify(frames), limit: 1000 }),
      lives: frames.map((pfn) => recording.ask('page-by-pfn', { pfn, at_ns: null })),
      families: frames.map((frame) => recording.ask('lineage', { frame, limit: 1000 })),
      totals: recording.ask('totals', {}),
      hottest: recording.ask('top-pages', { limit: 1000 }),
      heat: recording.ask('heat', { bin_ns: 1e9, limit: 1000 }),
      mapped: frames.map((vpn) => recording.ask('frame-at', { mm: 1, vpn, at_ns: 1.1e9 })),
    }
  } finally {
    recording.close()
  }
}

/** So much that nothing is ever removed: but all is told as if it were. */
const BOUNDED: Keep = { keepNs: 1e18 }

test('what is told shortly says what is told whole, and becomes it where a recording is bounded from then on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 150 }), async (steps) => {
      const short = await written('short.db', steps, {})
      expect(short).toEqual(await written('whole.db', steps, BOUNDED))
      await (await open('short.db', BOUNDED)).close()
      expect(told('short.db')).toEqual(short)
    }),
    { numRuns: 8 },
  )
}, 120_000)
