import { expect, test } from 'vitest'

import { qemuArguments, splitArguments } from './qemu.js'

const machine = {
  accelerator: 'tcg',
  image: 'vmlinuz',
  initrd: 'initrd',
  consoleSocket: 'console',
  channelSocket: 'channel',
  memory: '512M',
  cpus: 2,
  nodes: 1,
  icount: false,
  extra: ['-s'],
  append: 'nokaslr',
} as const

test('a guest without an agent has no network, one with it is restricted to one loopback port', () => {
  expect(qemuArguments(machine)).toContain('none')
  const netdev = qemuArguments({ ...machine, port: 4242 }).find((one) => one.startsWith('user,'))
  expect(netdev).toMatch(/restrict=on,hostfwd=tcp:127\.0\.0\.1:4242-/)
})

test('two emulated processors run in threads, an icount machine keeps one order and the default CPU', () => {
  expect(qemuArguments(machine)).toContain('tcg,thread=multi')
  const counted = qemuArguments({ ...machine, icount: true, cpus: 1 })
  expect(counted).toContain('shift=0,sleep=off')
  expect(counted).not.toContain('-cpu')
})

test('arguments split as in a shell', () => {
  expect(splitArguments(`-device edu -x "a \\"b" 'c d' e\\ f`)).toEqual([
    '-device',
    'edu',
    '-x',
    'a "b',
    'c d',
    'e f',
  ])
  expect(splitArguments('  ')).toEqual([])
})

test('memory is shared out to nodes in equal parts, or the machine is refused', () => {
  const shared = qemuArguments({ ...machine, memory: '1G', nodes: 2 })
  expect(shared.filter((one) => one.startsWith('memory-backend-ram'))).toEqual([
    'memory-backend-ram,id=node0,size=512M',
    'memory-backend-ram,id=node1,size=512M',
  ])
  expect(qemuArguments(machine)).not.toContain('-numa')
  expect(() => qemuArguments({ ...machine, memory: '513M', nodes: 2 })).toThrow(
    /cannot be shared out to 2 nodes/,
  )
})
