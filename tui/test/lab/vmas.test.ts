/** Vmas as fork tells them, against /proc/PID/maps of the process that forked. */
import { beforeAll, describe, expect, test } from 'vitest'

import { KERNELS } from './guest-run.js'
import { query, recordWhole } from './recording.js'
import { RECORDING_MS } from './whole.js'

/** The shell forks for `cat`, which tells what the shell maps then; the last word keeps it from becoming `cat`. */
const SHELL = 'echo shell $$; cat /proc/$$/maps; true'

interface Vma {
  readonly address: string
  readonly end_address: string
  readonly rights: string
  readonly kind: string
}

/** `55e0-55f0 rw-p 00000000 00:00 0 [heap]`: fs/proc/task_mmu.c, show_map_vma(). */
function mappedBy(line: string): Vma[] {
  const match = /^([0-9a-f]+)-([0-9a-f]+) ([rwxsp-]{4}) \S+ \S+ (\d+)\s*(.*)$/.exec(line)
  if (match === null) return []
  const [, from, until, rights, inode, name] = match
  // That lies in the kernel's half: no vma of the process.
  if (name === '[vsyscall]') return []
  const named = new Map([
    ['[heap]', 'heap'],
    ['[stack]', 'stack'],
  ])
  const kind = named.get(name) ?? (inode === '0' ? 'anon' : 'file')
  const hex = (digits: string) => `0x${digits.replace(/^0+/, '')}`
  return [{ address: hex(from), end_address: hex(until), rights, kind }]
}

describe.each(['5.10', ...KERNELS])('a shell that forks on kernel %s', (series) => {
  let vmas: readonly Vma[] = []
  let maps: readonly Vma[] = []
  beforeAll(async () => {
    const { db, stdout } = await recordWhole(['--kernel', series], ['--', 'sh', '-c', SHELL])
    const pid = /^shell (\d+)$/m.exec(stdout)?.[1] ?? '0'
    maps = stdout.split('\n').flatMap(mappedBy)
    vmas = await query<Vma>(
      db,
      `SELECT address, end_address, rights, kind FROM v_vma
       WHERE tgid = ${pid} AND until_ns IS (SELECT ended_ns FROM mm WHERE mm.mm = v_vma.mm)
       ORDER BY (SELECT vpn FROM vma WHERE vma.vma = v_vma.vma)`,
      'rights',
    )
  }, RECORDING_MS)

  test('has the vmas that its memory map shows, with their rights and what they are of', () => {
    expect(maps.length).toBeGreaterThan(3)
    expect(new Set(maps.map(({ kind }) => kind))).toContain('stack')
    expect(vmas).toEqual(maps)
  })
})
