import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { bootLab } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { jsonLines, KERNELS, runInGuest } from './guest-run.js'

interface Truth {
  readonly held: boolean
}
interface Count {
  readonly pid: number
  readonly hits: number
}

describe.each(KERNELS)('a guest with kernel %s', (series) => {
  test("passes on the workload's two outputs apart, and its exit status", async () => {
    const run = await runInGuest(series, ['sh', '-c', 'echo out; echo err >&2; uname -r; exit 7'])
    expect(run.status).toBe(7)
    expect(run.stdout).toMatch(new RegExp(`^out\n${series.replace('.', '\\.')}`))
    expect(run.stderr).toBe('err\n')
  })

  test('loads a module with what it needs, and sees a disk', async () => {
    const image = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'disk')
    writeFileSync(image, Buffer.alloc(1 << 20, 'disk!'))
    const command = 'mke2fs /dev/ram0 >/dev/null && mount -t ext4 /dev/ram0 /root && head -c 5 /dev/vda'
    const run = await runInGuest(series, ['sh', '-c', command], { modules: ['brd', 'ext4'], disk: image })
    expect(run).toEqual({ status: 0, stdout: 'disk!', stderr: '' })
  })

  test('lets the scenarios see the copies and reuses they expect, and counts the faults behind them', async () => {
    const run = await runInGuest(series, ['sh', '-c', 'cowfork 64 && generations'], { count: 'do_wp_page' })
    expect(run.status).toBe(0)
    const truths = jsonLines<Truth>(run.stdout, 'held')
    expect(truths).toHaveLength(4 * 64 + 3)
    expect(truths.every(({ held }) => held)).toBe(true)
    // Parent and child of cowfork took 2 x 64 write faults each, and a few of their own.
    const busy = jsonLines<Count>(run.stdout, 'hits').filter(({ hits }) => hits >= 128)
    expect(busy).toHaveLength(2)
  })
})

test('a workload killed by a signal has the status of a shell, one that is not there 127', async () => {
  expect((await runInGuest('6.1', ['sh', '-c', 'kill -9 $$'])).status).toBe(137)
  const missing = await runInGuest('6.1', ['nonesuch'])
  expect(missing.status).toBe(127)
  expect(missing.stderr).toMatch(/nonesuch: No such file/)
})

test('a guest whose kernel cannot start says so with the end of its console, and leaves nothing behind', async () => {
  const before = labDirectories()
  const kernel = await resolveKernel({ kernel: '6.1' }, () => undefined)
  const booting = bootLab({
    kernel,
    files: [],
    workload: ['true'],
    append: 'rdinit=/nonesuch root=/dev/none',
  })
  await expect(booting).rejects.toThrow(/the guest \(kernel 6\.1.*panic/)
  expect(labDirectories().filter((name) => !before.includes(name))).toEqual([])
})

test('an image that is no kernel is refused by QEMU in one line', async () => {
  const kernel = { image: process.execPath, release: 'none' }
  await expect(bootLab({ kernel, files: [], workload: ['true'], bootTimeoutMs: 5000 })).rejects.toThrow(
    /the guest/,
  )
})

test('a dynamic program is refused before anything boots', async () => {
  const kernel = await resolveKernel({ kernel: '6.1' }, () => undefined)
  await expect(bootLab({ kernel, files: [process.execPath], workload: ['node'] })).rejects.toThrow(/-static/)
})

function labDirectories(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('cowpath-lab-'))
}
