import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cowpath, cowpathJson } from './testing/cowpath.js'
import { HOSTILE, writePinnedRecording } from '../store/testing/pinned-recording.js'

let folder: string
let path: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
  path = join(folder, 'pinned.db')
  await writePinnedRecording(path)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function pins(...args: readonly string[]): readonly number[] {
  return (cowpathJson('pins', path, ...args) as { pin: number }[]).map(({ pin }) => pin)
}

test('outstanding pins are those that were taken and not given back at that time', () => {
  expect(pins()).toEqual([1, 4])
  expect(pins('--at', '2.6')).toEqual([1, 2])
  expect(pins('--at', '1')).toEqual([])
  expect(pins('--gets')).toEqual([1, 4, 5])
})

test('a leaked pin lost its frame, or its address space has gone', () => {
  expect(cowpathJson('pins', path, '--leaked')).toMatchObject([
    { pin: 4, comm: HOSTILE, taker: HOSTILE, until_ns: null },
    { pin: 3, taker: null, ended_by: 'frame-freed' },
  ])
})

test('the longest held comes first, until its end or that of the recording', () => {
  expect(cowpathJson('pins', path, '--longest')).toMatchObject([
    { pin: 1, held_ns: 8e9, address: '0x7f0000010000', write: true, longterm: true, uncertain: false },
    { pin: 4, held_ns: 5e9 },
    { pin: 3, held_ns: 1e9 },
    { pin: 2, held_ns: 0.5e9 },
  ])
})

test('a pin that was taken before events were lost may have been given back', async () => {
  const gappy = join(folder, 'gappy.db')
  await writePinnedRecording(gappy, { lostFromNs: 5.5e9 })
  const uncertain = (
    cowpathJson('pins', gappy, '--longest', '--gets') as { pin: number; uncertain: boolean }[]
  )
    .filter((pin) => pin.uncertain)
    .map(({ pin }) => pin)
  expect(uncertain.sort()).toEqual([1, 4])
  expect(cowpath('pins', gappy).stdout).toMatch(/8\.0 s\?/)
  expect(cowpath('gaps', gappy).stdout).toMatch(/5\.500000 +5\.600000 ring +gup +3/)
})

test('references are counted by the function that asked', () => {
  expect(cowpathJson('pins', path, '--by-taker')).toEqual([
    {
      taker: HOSTILE,
      kind: 'pin',
      pins: 2,
      pages: 8,
      read_only: 0,
      outstanding: 1,
      longest_ns: 0.5e9,
      median_ns: 0.5e9,
    },
    {
      taker: null,
      kind: 'pin',
      pins: 1,
      pages: 4,
      read_only: 0,
      outstanding: 0,
      longest_ns: 1e9,
      median_ns: 1e9,
    },
    {
      taker: 'vfio_pin_pages_remote',
      kind: 'get',
      pins: 1,
      pages: 4,
      read_only: 1,
      outstanding: 1,
      longest_ns: null,
      median_ns: null,
    },
    {
      taker: 'vfio_pin_pages_remote',
      kind: 'pin',
      pins: 1,
      pages: 4,
      read_only: 0,
      outstanding: 1,
      longest_ns: null,
      median_ns: null,
    },
  ])
})

test('a fork costs what was copied while its child lived, and no more', () => {
  expect(cowpathJson('forks', path)).toEqual([
    {
      fork: 1,
      parent_tgid: 10,
      comm: 'driver',
      child_tgid: 20,
      at_ns: 3.1e9,
      ended_ns: 8e9,
      parent_copies: 1,
      child_copies: 0,
      early: 0,
      bytes: 4096,
    },
  ])
})

test('splits are counted by process, and by cause with the error of those refused', () => {
  expect(cowpathJson('splits', path)).toMatchObject([
    { tgid: 10, comm: 'driver', pmd_splits: 3, folio_splits: 0, folio_splits_refused: 2, collapses: 0 },
  ])
  expect(cowpathJson('splits', path, '--causes')).toEqual([
    {
      what: 'pmd-split',
      from_order: null,
      to_order: null,
      errno: null,
      tgid: 10,
      cause: 'vfio_pin_pages_remote',
      count: 1,
    },
    {
      what: 'folio-split refused',
      from_order: 9,
      to_order: null,
      errno: 16,
      tgid: 10,
      cause: HOSTILE,
      count: 1,
    },
    { what: 'folio-split', from_order: 9, to_order: 4, errno: null, tgid: 10, cause: null, count: 1 },
  ])
})

test('gaps tells what was lost and what cannot be', () => {
  expect(cowpathJson('gaps', path)).toEqual({
    gaps: [],
    anomalies: [{ run: 1, name: 'slot-maps-other-frame', count: 1, first_ns: 4e9, first_seq: 3 }],
  })
  expect(cowpath('gaps', path).stdout).toMatch(/^No event was lost\.\n\nANOMALY/)
})

test('gup-stats answers how common, by whom, and what rule (c) would have refused', () => {
  const { stdout } = cowpath('gup-stats', path)
  expect(stdout.split('\n').slice(0, 4)).toEqual([
    'GUP took 5 references, 1 (20.0 %) of them without FOLL_WRITE.',
    'Of 40 without FOLL_WRITE on private anonymous pages, 30 (75.0 %) found the page read-only and shared ' +
      '(taken by vfio_pin_pages_remote).',
    'Of 90 write protections and 0 ranges copied by fork, rule (c) would have refused 6: 6 by mprotect ' +
      '(taken by vfio_pin_pages_remote).',
    'It cannot be said of 3 of these, for a FOLL_GET that may have ended or for lost events, and of 2 of those references.',
  ])
  expect(cowpathJson('gup-stats', path)).toMatchObject({
    refused_by: [{ cause: 'mprotect', reference_kind: 'pin', observations: 6, processes: 1 }],
  })
})

test('page tells who held it and what the rules found', () => {
  const view = cowpathJson('page', path, '--pid', '10', '--addr', '0x7f0000010000')
  expect(view).toMatchObject({
    pins: [{ pin: 1, kind: 'pin', taker: 'vfio_pin_pages_remote', ended_by: null }],
    findings: [
      { finding: 1, rule: 'R05', verdict: 'hazard', count: 2 },
      { finding: 2, rule: 'A04' },
      { finding: 3, rule: 'R03' },
    ],
  })
  expect(cowpathJson('page', path, '--pfn', '5001', '--at', '3')).toMatchObject({
    pins: [{ pin: 1 }],
    findings: [{ finding: 1 }, { finding: 2 }, { finding: 3 }],
  })
  const { stdout } = cowpath('page', path, '--pid', '10', '--addr', '0x7f0000010000')
  expect(stdout).toContain('Who held it:')
  expect(stdout).toContain(
    'R05 pin-coherent hazard by fork at 4.000000, 2 times: the page was copied away from the frame that is pinned',
  )
})

test('nothing of a hostile name reaches the terminal raw', () => {
  for (const args of [
    ['pins', path],
    ['pins', path, '--by-taker'],
    ['forks', path],
    ['splits', path, '--causes'],
    ['findings', path, '--all'],
    ['page', path, '--pfn', '5001'],
    ['gup-stats', path],
  ]) {
    const { stdout, stderr, status } = cowpath(...args)
    expect(stderr, args.join(' ')).toBe('')
    expect([0, 3], args.join(' ')).toContain(status)
    expect(stdout, args.join(' ')).not.toMatch(/[\u001b\u202e]/)
  }
  expect(cowpath('pins', path, '--by-taker').stdout).toContain('\\x1b[31m')
})

test.each([
  ['forks', { until: '3.05', since: '8.5' }],
  ['splits', { until: '4', since: '9' }],
  ['gaps', { until: '5.45', since: '5.7' }],
] as const)('%s answers for a time, as people write it', async (command, { until, since }) => {
  const lossy = join(folder, `${command}.db`)
  await writePinnedRecording(lossy, { lostFromNs: 5.5e9 })
  const told = (...args: readonly string[]) => cowpath(command, lossy, ...args).stdout
  const all = told()
  expect(told('--until', until)).not.toBe(all)
  expect(told('--since', since)).not.toBe(all)
  expect(told('--since', '+0.1s', '--until', '-0.1s')).toBe(all)
})
