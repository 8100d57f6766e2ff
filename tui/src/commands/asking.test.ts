import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cause, EdgeKind, FrameKind } from '../model/facts.js'
import { Flag, Kind, Mapping, Outcome } from '../model/kinds.js'
import { allocateColumns } from '../store/columns.js'
import { SYNTHETIC_AGENT } from '../store/synthetic.js'
import { RecordingWriter } from '../store/writer.js'

let folder: string
let path: string
let script: string

const VPN = 0x7f0000010
const HOSTILE = `\u001b[31m');--\u202e`

/**
 * Three generations: grandparent 10 forks 20, 20 forks 30. Process 20 writes the page: frame 2 is copied of 1;
 * process 30 writes it then: frame 3 is copied of 2.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'family.db')
  script = join(folder, 'cli.mjs')
  writeFileSync(script, CLI)
  const writer = await RecordingWriter.open(path, {
    durable: () => undefined,
    paused: () => undefined,
    resumed: () => undefined,
    failed: (error) => {
      throw error
    },
  })
  writer.run(1, SYNTHETIC_AGENT, 1)
  for (const [mm, tgid, comm] of [
    [1, 10, 'grandparent'],
    [2, 20, 'parent'],
    [3, 30, HOSTILE],
  ] as const) {
    writer.mm({
      mm,
      run: 1,
      agentMm: mm,
      parentMm: mm - 1,
      bornNs: mm * 1e9,
      bornBy: mm === 1 ? 'seen' : 'fork',
    })
    writer.process({ tgid, parentTgid: tgid - 10, mm, comm, startTimeNs: 0, seenNs: mm * 1e9 })
  }
  writer.frameSeen(1, 5001, 0, FrameKind.Anon, 1e9, 1)
  writer.slotMapped(1, 1, VPN, 1, 1e9, Cause.Seen, 1, false)
  writer.slotMapped(2, 2, VPN, 1, 2e9, Cause.Fork, 1, true)
  writer.slotEnded(2, 3e9, Cause.Copy, 2, 2, VPN)
  writer.frameSeen(2, 5002, 0, FrameKind.Anon, 3e9, 2)
  writer.slotMapped(3, 2, VPN, 2, 3e9, Cause.Copy, 2, true)
  writer.edge(1, EdgeKind.Copy, 1, 2, 2, VPN, 3e9, 2)
  writer.slotMapped(4, 3, VPN, 2, 4e9, Cause.Fork, 2, true)
  writer.slotEnded(4, 5e9, Cause.Copy, 3, 3, VPN)
  writer.frameSeen(3, 5003, 0, FrameKind.Anon, 5e9, 3)
  writer.slotMapped(5, 3, VPN, 3, 5e9, Cause.Copy, 3, true)
  writer.edge(2, EdgeKind.Copy, 2, 3, 3, VPN, 5e9, 3)
  const mapping = Mapping.Told | Mapping.Read | Mapping.Write | Mapping.Heap
  const heap = { flags: Flag.VmaMaywrite, mapping, fromNs: 1e9, fromSeq: 1 }
  writer.vma({ ...heap, vma: 1, mm: 2, vpn: VPN, pages: 16 })
  writer.stacks(1, [
    { stack: 7, taker: '', frames: ['do_wp_page+0x1', '@libc.so.6+0x10 memcpy+0x8', `@${HOSTILE}+0x20`] },
  ])
  writer.rate(3e9, 20, 2, Kind.WpFault, Outcome.Copy, 1, 1, 1, 7)
  writer.rate(5e9, 30, 3, Kind.HugeWp, Outcome.Copy, 1, 512, 0, 0)
  writer.rate(5e9, 20, 2, Kind.WpFault, Outcome.Reuse, 7, 7, 1, 0)
  const events = allocateColumns(3)
  events.seq.set([1, 2, 3])
  events.timeNs.set([1e9, 3e9, 5e9])
  events.kind.fill(Kind.WpFault)
  events.refcount.set([1, 2, 3])
  events.mapcount.set([1, 2, 4])
  events.flags.set([0, Flag.Exclusive, 0])
  writer.events(1, 1, 3, events)
  await writer.close()
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** The commands as `main` mounts them, as a process of its own. */
const BUILT = new URL('../../dist/commands/', import.meta.url).href
const CLI = `
import { createRequire } from 'node:module'
const { Command } = createRequire('${BUILT}')('commander')
const { pageCommand } = await import('${BUILT}page.js')
const { topCommand } = await import('${BUILT}top.js')
const { sqlCommand } = await import('${BUILT}sql.js')
const { reportFailure } = await import('${BUILT}failing.js')
const program = new Command('cowpath')
for (const command of [pageCommand(), topCommand(), sqlCommand()]) program.addCommand(command)
try { await program.parseAsync(process.argv) } catch (error) { process.exitCode = reportFailure(error, process.argv) }
`

function cowpath(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', input: '' })
}

test('page tells what a page mapped, by what cause, with the counts of the event', () => {
  const { stdout, status } = cowpath('page', path, '--pid', '20', '--addr', '0x7f0000010abc', '--json')
  expect(status).toBe(0)
  expect((JSON.parse(stdout) as { slots: object[] }).slots).toMatchObject([
    { tgid: 20, comm: 'parent', pfn: 5001, fromCause: 'fork', untilCause: 'copy', address: '0x7f0000010000' },
    {
      pfn: 5002,
      fromCause: 'copy',
      untilCause: null,
      certain: true,
      counts: { refcount: 2, mapcount: 2, pincount: 0, exclusive: true },
    },
  ])
})

test('the lineage of a page reaches over three generations, up and down', () => {
  const { stdout } = cowpath('page', path, '--pid', '20', '--addr', '7f0000010000', '--json')
  const [tree] = (JSON.parse(stdout) as { trees: object[] }).trees
  expect(tree).toMatchObject({
    pfn: 5001,
    asked: true,
    owners: [{ tgid: 10 }, { tgid: 20 }],
    children: [
      {
        pfn: 5002,
        by: 'copy',
        owners: [{ tgid: 20 }, { tgid: 30 }],
        children: [{ pfn: 5003, asked: false, owners: [{ tgid: 30, comm: HOSTILE }], children: [] }],
      },
    ],
  })
})

test('a physical page is found by its number, and by its number at a time', () => {
  const slotsAt = (...at: string[]) =>
    (JSON.parse(cowpath('page', path, '--pfn', '5002', ...at, '--json').stdout) as { slots: object[] }).slots
  expect(slotsAt()).toMatchObject([{ tgid: 20 }, { tgid: 30 }])
  expect(slotsAt('--at', '4.5')).toHaveLength(2)
  expect(cowpath('page', path, '--pfn', '5002', '--at', '2').status).toBe(1)
})

test('nothing of a hostile name reaches the terminal raw', () => {
  for (const args of [
    ['page', path, '--pid', '30', '--addr', '0x7f0000010000'],
    ['top', path],
    ['top', path, '--pages'],
    ['top', path, '--vmas'],
    ['top', path, '--sites'],
    ['sql', path, 'SELECT * FROM process'],
    ['sql', path, `SELECT 1 AS "${HOSTILE}"`],
    ['sql', path, `SELECT * FROM "${HOSTILE}"`],
  ]) {
    const { stdout, stderr } = cowpath(...args)
    expect(stdout + stderr, args.join(' ')).toContain('\\x1b[31m')
    expect(stdout + stderr, args.join(' ')).not.toMatch(/[\u001b\u202e]/)
  }
})

test('top counts copies and bytes by process', () => {
  const rows = JSON.parse(cowpath('top', path, '--by', 'bytes', '--json').stdout) as object[]
  expect(rows).toEqual([
    { tgid: 30, comm: HOSTILE, copies: 1, bytes: 512 * 4096, faults: 1, reuses: 0 },
    { tgid: 20, comm: 'parent', copies: 1, bytes: 4096, faults: 8, reuses: 7 },
  ])
  const pages = JSON.parse(cowpath('top', path, '--pages', '--json').stdout) as object[]
  expect(pages).toMatchObject([
    { tgid: 20, address: '0x7f0000010000', copies: 1 },
    { tgid: 30, copies: 1 },
  ])
})

test('top counts by vma, with its rights, and what fell in none apart', () => {
  const rows = JSON.parse(cowpath('top', path, '--vmas', '--by', 'faults', '--json').stdout) as object[]
  expect(rows).toEqual([
    {
      ...{ mm: 2, tgid: 20, comm: 'parent', address: '0x7f0000010000', size_bytes: 65536, rights: 'rw-p' },
      ...{ kind: 'heap', copies: 1, bytes: 4096, faults: 8, reuses: 7 },
    },
    {
      ...{ mm: 3, tgid: 30, comm: HOSTILE, address: null, size_bytes: null, rights: null },
      ...{ kind: null, copies: 1, bytes: 512 * 4096, faults: 1, reuses: 0 },
    },
  ])
  const early = cowpath('top', path, '--vmas', '--until', '4', '--json').stdout
  expect(JSON.parse(early)).toMatchObject([{ tgid: 20, faults: 1, reuses: 0 }])
})

test('top counts by the code that wrote, not by that of the C library, and what has no stack apart', () => {
  const rows = JSON.parse(cowpath('top', path, '--sites', '--json').stdout) as object[]
  expect(rows).toEqual([
    { code: null, processes: 2, copies: 1, bytes: 512 * 4096, faults: 8, reuses: 7 },
    { code: `${HOSTILE}+0x20`, processes: 1, copies: 1, bytes: 4096, faults: 1, reuses: 0 },
  ])
  const late = cowpath('top', path, '--sites', '--since', '4.5').stdout
  expect(late).toBe('No call stack was taken: cowpath record --stacks user\n')
  expect(cowpath('top', path, '--sites', '--vmas').stderr).toContain('cannot be used with')
})

test('sql sees the raw events as a table', () => {
  const { stdout } = cowpath(
    'sql',
    path,
    'SELECT seq, time_ns, refcount FROM event WHERE mapcount > 1',
    '--json',
  )
  expect(stdout).toBe(
    '{"seq":2,"time_ns":3000000000,"refcount":2}\n{"seq":3,"time_ns":5000000000,"refcount":3}\n',
  )
})

test('sql refuses what would write or open a file, in one line', () => {
  const other = join(folder, 'other.db')
  for (const query of [
    'DELETE FROM slot',
    'CREATE TEMP TABLE t (a)',
    `ATTACH '${other}' AS other`,
    `VACUUM INTO '${other}'`,
    'PRAGMA query_only = OFF',
    'PRAGMA user_version = 9',
    'SELECT 1; DELETE FROM slot',
    'SELEC',
    'SELECT no_such_column FROM slot',
    "SELECT load_extension('x')",
  ]) {
    const { status, stderr, stdout } = cowpath('sql', path, query)
    expect(status, query).toBe(1)
    expect(stdout, query).toBe('')
    expect(stderr, query).toMatch(/^cowpath: cannot run this query: .+\n$/)
  }
  expect(cowpath('sql', path, 'SELECT count(*) AS n FROM slot', '--json').stdout).toBe('{"n":5}\n')
})

test('sql without a query lists the tables', () => {
  expect(cowpath('sql', path).stdout).toMatch(/^view +v_page_history +slot, mm/m)
})

test('^C ends a query that would never end', async () => {
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
  const child = spawn(process.execPath, [script, 'sql', path, endless], { stdio: 'ignore' })
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(child.exitCode).toBeNull()
  child.kill('SIGINT')
  const signal = await new Promise((resolve) =>
    child.on('exit', (_, name) => {
      resolve(name)
    }),
  )
  expect(signal).toBe('SIGINT')
})

test('a wrong command line and an unknown page each say so in one line', () => {
  const both = cowpath('page', path, '--pid', '20')
  expect(both.status).toBe(2)
  expect(both.stderr).toMatch(/^cowpath: cannot tell which page: .+\n$/)
  const unknown = cowpath('page', path, '--pid', '20', '--addr', '0x1000')
  expect(unknown.status).toBe(1)
  expect(unknown.stderr).toMatch(/^cowpath: no history of page 0x1000 of process 20: .+\n$/)
})
