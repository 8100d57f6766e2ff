import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { completionScript, manualPage, type ManualCommand } from './manual.js'

const RECORD: ManualCommand = {
  name: 'cowpath record',
  summary: "records what an agent sees; isn't that all?",
  parameters: [{ term: '[endpoint]', description: 'where' }],
  options: [
    { flags: '-o, --output <file>', description: 'the recording' },
    { flags: '--comm <name>', description: "'quoted' at its begin" },
  ],
  subcommands: [],
  remarks: 'Exit status:\n.5 is no request',
}

test('a page has all that --help has, and nothing that roff would take for a request of its own', () => {
  const page = manualPage(RECORD, '0.1.0', '2026-01-02')
  expect(page).toContain('.TH "COWPATH-RECORD" 1 "2026-01-02" "cowpath 0.1.0"')
  expect(page).toContain('\\fB\\-o, \\-\\-output <file>\\fR')
  expect(page).toContain("\\&'quoted' at its begin")
  expect(page).toContain('\\&.5 is no request')
  for (const line of page.split('\n')) expect(line).not.toMatch(/^[.'](?!TH|SH|TP|nf|fi)/)
})

test('bash completes commands, then the options of the command', () => {
  const script = completionScript('bash', [{ ...RECORD, name: 'cowpath' }, RECORD])
  const complete = (words: string) =>
    execFileSync(
      'bash',
      [
        '-c',
        `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _cowpath; echo "\${COMPREPLY[@]}"`,
      ],
      {
        encoding: 'utf8',
      },
    ).trim()
  expect(complete('cowpath re')).toBe('record')
  expect(complete('cowpath record --o')).toBe('--output')
})

test('fish is told the summary whatever quotes it has', () => {
  expect(completionScript('fish', [RECORD])).toContain("-d 'records what an agent sees; isn\\'t that all?'")
})
