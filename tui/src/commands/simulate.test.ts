import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const DOC = readFileSync(new URL('../../../docs/threads.md', import.meta.url), 'utf8')
const MATRIX = readFileSync(new URL('../../../docs/matrix.md', import.meta.url), 'utf8')

/** Each command of the page, with the lines that it says are in the output. */
const TOLD = [...DOC.matchAll(/^ {4}\$ (cowpath .*)\n((?: {4}(?!\$).*\n)*)/gm)].map(
  ([, command, lines]) =>
    [
      command,
      lines
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
    ] as const,
)

function cowpath(...args: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
}

/** The words of a command as a shell would take them; the page quotes by ' alone. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]: readonly (string | undefined)[]) => quoted ?? bare ?? '',
  )
}

test('the page asks every thread, and every rule that a story can break', () => {
  expect(TOLD.length).toBeGreaterThan(30)
  const all = TOLD.flatMap(([, lines]) => lines).join('\n')
  const asked = 'R01 R02 R03 R04 R05 R06 R09 R10 R11 R12 R13 R14 R15 R16 A01 A02 A03 A04'
  for (const rule of asked.split(' ')) expect(all, rule).toContain(`${rule} `)
})

test.each(TOLD.filter(([command]) => command.startsWith('cowpath simulate')))('%s', (command, lines) => {
  const { stdout } = cowpath(...wordsOf(command).slice(1))
  let from = 0
  for (const line of lines) {
    const at = stdout.indexOf(line, from)
    expect(at, `${line}\nis not (or not in this order) in\n${stdout}`).toBeGreaterThanOrEqual(0)
    from = at
  }
})

test.each(TOLD.filter(([command]) => command.startsWith('cowpath lab')))(
  '%s: as the matrix has it',
  (command, lines) => {
    const [, kernel, name] = /--kernel (\S+) (\S+)$/.exec(command) ?? []
    const [head] = MATRIX.split('\n').filter((line) => line.startsWith('| case'))
    const column = head.split('|').findIndex((cell) => cell.trim() === kernel)
    const row = MATRIX.split('\n').find((line) => line.startsWith(`| \`${name}\``))
    expect([row?.split('|')[column].trim()]).toEqual(lines)
  },
)

test('a story that is recorded can be asked like any other recording', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-simulate-'))
  const file = join(folder, 'story.db')
  const story = ['write-get mm 0 slot 0.0', 'fork mm 0', 'write mm 0 slot 0.0']
  expect(cowpath('simulate', '--policy', '6.1', '--record', file, ...story).status).toBe(3)
  const { status, stdout } = cowpath('findings', file, '--json')
  expect(status).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({ rule: 'R05', verdict: 'hazard', cause: 'fork', comm: 'parent' })
  const page = execFileSync(process.execPath, [MAIN, 'page', file, '--pid', '1001', '--addr', '0x400000'], {
    encoding: 'utf8',
  })
  expect(page).toMatch(/R05 .*hazard by fork/)
  rmSync(folder, { recursive: true })
})

test('--json: one object an operation with what was told and what became of pins, then the findings', () => {
  const story = ['write-get mm 0 slot 0.0', 'fork mm 0', 'write mm 0 slot 0.0']
  const { stdout } = cowpath('simulate', '--policy', '6.1', '--json', ...story)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(lines).toMatchObject([
    { operation: null, told: [{ kind: 'anon-new' }] },
    { operation: 'write-get mm 0 slot 0.0', told: [{ kind: 'gup' }], truths: [] },
    { operation: 'fork mm 0' },
    { operation: 'write mm 0 slot 0.0', truths: [{ pin: 1, what: 'diverged', self_inflicted: false }] },
    { finding: { rule: 'R05', verdict: 'hazard' } },
  ])
})

test.each([
  [['simulate', 'fork mm 0'], 'policy'],
  [['simulate', '--policy', '7.2', 'jump mm 0'], 'no such operation'],
  [['simulate', '--policy', '6.1', 'write mm 0 slot 1.0'], 'there is 1 slot'],
  [['simulate', '--policy', '6.1', '--slots', 'huge', 'fork mm 0'], 'It is none of'],
])('%j is refused in words', (args, words) => {
  const { status, stderr } = cowpath(...args)
  expect([status, stderr]).toEqual([2, expect.stringContaining(words)])
})
