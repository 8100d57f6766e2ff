import { expect, test } from 'vitest'

import { guestCommand } from './lab.js'

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
