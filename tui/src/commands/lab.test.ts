import { expect, test } from 'vitest'

import { CASE_MACHINE } from '../lab/cases.js'
import { guestCommand } from './lab-run.js'
import { caseRun } from './lab.js'

test('a program of this host is brought along and found by its name', () => {
  const { workload, files } = guestCommand([process.execPath, '-v'], { add: ['x'] })
  expect(workload).toEqual(['/bin/node', '-v'])
  expect(files).toEqual(['x', `${process.execPath}:/bin/node`])
})

test('a scenario or busybox word is left to the guest, and so is a path that --add brings', () => {
  expect(guestCommand(['cowfork', '64'], { add: [] })).toEqual({ workload: ['cowfork', '64'], files: [] })
  expect(guestCommand(['/bin/sh'], { add: ['mine:/bin/sh'] }).files).toEqual(['mine:/bin/sh'])
})

test('--run is a shell line, and excludes a workload', () => {
  expect(guestCommand([], { run: 'a | b', add: [] }).workload).toEqual(['sh', '-c', 'a | b'])
  expect(() => guestCommand(['x'], { run: 'a', add: [] })).toThrow(/choose one/)
})

test('a case is run by its program, on the machine that cases need, with the disk and words that were asked for', () => {
  const cases = [{ name: 'uring-4k', family: 'uring', command: ['uring', '4k'], means: 'hazard' }] as const
  expect(caseRun('uring-4k', cases, {})).toEqual({ workload: ['uring', '4k'], options: CASE_MACHINE })
  const { options } = caseRun('uring-4k', cases, { disk: 'a.img', append: 'nokaslr' })
  expect(options).toEqual({ ...CASE_MACHINE, disk: 'a.img', append: 'hugepages=16 nokaslr' })
  expect(() => caseRun('uring-5k', cases, {})).toThrow(/there is no case uring-5k.*--cases/)
})
