import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

// The compiled program as people run it: `npm test` has built it before.
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowpath-main-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function cowpath(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    cwd: folder,
  })
  return { status, stdout, stderr }
}

/** An agent that answers every question with `answer`. */
function fakeAgent(answer: string): string {
  const path = join(folder, 'cowpath-agent')
  writeFileSync(path, `#!/bin/sh\n${answer}\n`)
  chmodSync(path, 0o755)
  return path
}

test('help names every command and every exit status', () => {
  const { status, stdout } = cowpath(['--help'])
  expect(status).toBe(0)
  for (const word of [
    'findings',
    'check',
    'replay',
    'page',
    'pins',
    'forks',
    'splits',
    'gup-stats',
    'gaps',
    'top',
    'counters',
    'sql',
    'doctor',
    'Exit status',
    '128+N',
  ]) {
    expect(stdout).toContain(word)
  }
})

test('a command loads no packages but its own: who asks a recording needs neither gRPC nor a screen', () => {
  const tellsLoaded =
    'import { createRequire } from "node:module"; process.on("exit", () => console.error(Object.keys(createRequire("/").cache).join()))'
  const loaded = (args: readonly string[]) =>
    spawnSync(process.execPath, ['--import', `data:text/javascript,${tellsLoaded}`, MAIN, ...args], {
      encoding: 'utf8',
    }).stderr
  expect(loaded(['findings', '--help'])).toContain('better-sqlite3')
  expect(loaded(['findings', '--help'])).not.toMatch(/grpc-js|protobufjs|blessed/)
  expect(loaded(['live', '--help'])).toContain('blessed')
  expect(loaded(['live', '--help'])).not.toMatch(/grpc-js|protobufjs|better-sqlite3/)
})

test('a mistyped command is told what it may have meant, with status 2', () => {
  const { status, stdout, stderr } = cowpath(['docter'])
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toBe("cowpath: unknown command 'docter'. Did you mean doctor? See cowpath --help\n")
})

test('a wrong option is one line too, and what was typed cannot act on the terminal', () => {
  const { status, stderr } = cowpath(['doctor', '--\x1b[2J'])
  expect(status).toBe(2)
  expect(stderr).toBe("cowpath: unknown option '--\\x1b[2J'. See cowpath doctor --help\n")
})

test('an error is one line on stderr: what, why, what to do; a stack only with --debug', () => {
  const plain = cowpath(['top', 'no-such.db'])
  expect(plain.status).toBe(1)
  expect(plain.stderr).toBe(
    'cowpath: cannot read no-such.db: there is no such file. Name a file that cowpath record wrote\n',
  )
  expect(cowpath(['top', 'no-such.db', '--debug']).stderr).toMatch(/\n {4}at /)
})

test('an error cannot carry terminal escapes from outside', () => {
  expect(cowpath(['top', '\x1b[2Jx\ny.db']).stderr).toMatch(/^cowpath: cannot read \\x1b\[2Jx y\.db: .*\n$/)
})

test('a reader that went away is no error', () => {
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `set -o pipefail; "${process.execPath}" "${MAIN}" --help | true`],
    {
      encoding: 'utf8',
    },
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('doctor says what the agent found, and its exit status follows', () => {
  const check = '{"name":"btf","ok":false,"found":"no BTF","remedy":"Boot another kernel"}'
  const agent = fakeAgent(`echo '{"ok":false,"checks":[${check}]}'; exit 3`)
  const { status, stdout } = cowpath(['doctor'], { COWPATH_AGENT: agent })
  expect(status).toBe(3)
  expect(stdout).toMatch(/missing btf +no BTF\n +-> Boot another kernel/)
  expect(stdout).toContain('This host cannot be traced as it is.')
})

test('doctor is content where the agent is', () => {
  const agent = fakeAgent(`echo '{"ok":true,"checks":[]}'`)
  expect(cowpath(['doctor'], { COWPATH_AGENT: agent }).status).toBe(0)
})

test('doctor does not wait for an agent that hangs', () => {
  const agent = fakeAgent('exec sleep 30')
  const began = process.hrtime.bigint()
  const { status, stdout } = cowpath(['doctor', '--json'], { COWPATH_AGENT: agent })
  expect(status).toBe(3)
  expect(Number(process.hrtime.bigint() - began) / 1e9).toBeLessThan(10)
  expect(JSON.parse(stdout)).toMatchObject({ can_trace_here: false, can_run_lab: false })
})
