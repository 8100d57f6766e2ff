import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { TmuxTerminal } from './testing/tmux.js'

// In a real terminal, over a made-up stream: `npm test` has compiled it to tui/dist before.
const PROGRAM = fileURLToPath(new URL('../../dist/screen/testing/synthetic-live.js', import.meta.url))
const RUN = `node ${PROGRAM} 300`

let terminal: TmuxTerminal | undefined
afterEach(() => {
  terminal?.close()
  terminal = undefined
})

/** The shell first notes how the terminal is set, so that `expectRestored` can compare. */
async function start(
  columns: number,
  rows: number,
  options: { env?: Record<string, string>; run?: string } = {},
) {
  terminal = new TmuxTerminal(columns, rows, options.env)
  terminal.keys(`clear; before=$(stty -g); ${options.run ?? RUN}; echo "status $?"`, 'Enter')
  await terminal.until(/forks\/s/)
  return terminal
}

async function expectRestored(shell: TmuxTerminal) {
  shell.keys('[ "$before" = "$(stty -g)" ] && echo terminal is sa""ne', 'Enter')
  await shell.until(/terminal is sane/)
  expect(shell.modes()).toEqual({ alternate: false, cursor: true })
}

test.each([
  [80, 24],
  [120, 40],
  [200, 50],
  [300, 80],
])('fills a terminal of %ix%i and leaves it as it was', async (columns, rows) => {
  const shell = await start(columns, rows)
  // A frame may be caught half written.
  const lines = (await shell.until(/^q quit {2}\? help/m)).replace(/\n$/, '').split('\n')
  expect(lines.length).toBe(rows)
  expect(lines[0]).toMatch(/^cowpath {2}db-7 {2}Linux 6\.1\.0-32-amd64 {2}connected/)
  expect(lines[rows - 1]).toMatch(/^q quit {2}\? help/)
  shell.keys('q')
  await shell.until(/status 0/)
  await expectRestored(shell)
})

test('keys: help, pause that keeps counting, sort, panes', async () => {
  const shell = await start(80, 24)
  shell.keys('?')
  await shell.until(/pause the screen, counting goes on/)
  shell.keys('Escape')
  await shell.until(/faults\/s/)
  shell.keys('Space')
  await shell.until(/PAUSED \+[1-9]/)
  shell.keys('Space', 's')
  expect(await shell.until(/copies▼/)).not.toContain('PAUSED')
  shell.keys('S')
  await shell.until(/copies▲/)
  shell.keys('Tab')
  await shell.until(/▶─ Latest page events/)
})

test('a filter is typed, says what it leaves out, and Esc takes it back', async () => {
  const shell = await start(120, 40)
  shell.keys('/', 'comm=postgres pid=802', 'Enter')
  const screen = await shell.until(/7 left out by the filter/)
  expect(screen).toContain('only comm=postgres pid=802')
  shell.keys('Escape')
  await shell.until(/Processes 8 ─/)
  shell.keys('/', 'copies>many', 'Enter')
  await shell.until(/> wants a number/)
})

test('a finding opens, and what is seen is saved; never over a file that is there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cowpath-screen-'))
  const shell = await start(80, 24)
  shell.keys('2', 'Enter')
  await shell.until(/R05 pin-coherent {2}HAZARD/)
  shell.keys(':', `save ${folder}/seen.svg`, 'Enter')
  await shell.until(/saved .*seen\.svg/)
  expect(readFileSync(join(folder, 'seen.svg'), 'utf8')).toContain('pin-coherent')
  shell.keys(':', `save ${folder}/seen.svg`, 'Enter')
  await shell.until(/not saved: EEXIST/)
  rmSync(folder, { recursive: true })
})

test('a finding leads to its page and its lineage, and Esc back the same way', async () => {
  const shell = await start(120, 40)
  shell.keys('2', 'Enter')
  await shell.until(/Esc goes back, p opens its page/)
  shell.keys('p')
  const page = await shell.until(/Where the frames came from/)
  expect(page).toMatch(/copy +- +262002/)
  expect(page).toMatch(/`- copy at 130\.000000 \*pfn 262002/)
  shell.keys('Escape')
  await shell.until(/R05 pin-coherent {2}HAZARD/)
  shell.keys('Escape')
  await shell.until(/▶─ Findings/)
  shell.keys(':', 'page 801 0x7f5e1c200000', 'Enter')
  await shell.until(/Page 0x7f5e1c200000 of pid 801/)
})

test('resized while it runs, it fills the new size', async () => {
  const shell = await start(80, 24)
  shell.resize(132, 43)
  await shell.until(/ref\/mapcount/)
  expect(shell.screen().replace(/\n$/, '').split('\n')[42]).toMatch(/^q quit/)
  shell.resize(40, 10)
  await shell.until(/^cowpath {2}db-7[^\n]*\n(?:.*\n){8}q quit/)
})

test('a hostile comm is shown, not obeyed; wide characters keep the columns straight', async () => {
  const shell = await start(120, 40)
  const lines = (await shell.until(/\\x1b\[2Jevil/)).split('\n')
  const pidEnds = lines
    .filter((line) => /KiB|MiB/.test(line) && / 80\d /.test(line))
    .map((line) => cellsBefore(line, / 80\d /))
  expect(pidEnds.length).toBe(8)
  expect(new Set(pidEnds).size).toBe(1)
})

/** Cells before the match: the Japanese name in the test data takes two a character. */
function cellsBefore(line: string, match: RegExp): number {
  const before = line.slice(0, line.search(match))
  return before.length + (before.match(/[\u3000-\u9fff]/g)?.length ?? 0)
}

test('without colour and without Unicode everything is still said', async () => {
  const shell = await start(80, 24, { env: { NO_COLOR: '1', LC_ALL: 'C', LANG: 'C' } })
  shell.keys('Tab')
  await shell.until(/>- Latest page events/)
  expect(shell.screen('-e')).not.toMatch(/\x1b\[[0-9;]*(?:3[0-8]|9[0-7])[;m]/)
  expect(shell.screen()).toMatch(/^[ -~\n]*$/)
})

test.each([
  ['^C', 'C-c', /status 0/],
  ['q', 'q', /status 0/],
])('%s ends it and restores the terminal', async (_name, key, status) => {
  const shell = await start(80, 24)
  shell.keys(key)
  await shell.until(status)
  await expectRestored(shell)
})

test.each(['TERM', 'HUP', 'INT', 'QUIT'])('SIG%s ends it and restores the terminal', async (signal) => {
  // The job's own shell sends the signal, so that no other process can be meant.
  const shell = await start(80, 24, { run: `bash -c '(sleep 1.5; kill -${signal} $$) & exec ${RUN}'` })
  await shell.until(/status 1/)
  expect(shell.screen()).toContain(`ended by SIG${signal}`)
  await expectRestored(shell)
})

test('a crash restores the terminal first and is then seen on it', async () => {
  const shell = await start(80, 24, { run: `${RUN} crash` })
  expect(await shell.until(/status 1/)).toContain('crash on purpose')
  await expectRestored(shell)
})

test('^Z gives the terminal to the shell, fg brings the screen back', async () => {
  const shell = await start(80, 24)
  shell.keys('C-z')
  await shell.until(/Stopped/)
  await expectRestored(shell)
  shell.keys('fg', 'Enter')
  await shell.until(/^cowpath {2}db-7[^\n]*\n(?:.*\n){22}q quit/)
  shell.keys('?')
  await shell.until(/this help, and back/)
  shell.keys('q')
  await expectRestored(shell)
})
