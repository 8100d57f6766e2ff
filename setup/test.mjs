// usage: npm test [-- NAME..]   all checks, or those named: linters, then what is fast, then the lab
//
// Each check's own closing lines are printed, and one line that adds them up at the end.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './steps.mjs'

// Also the tests' own place for temporary files, so that no run leaves any behind.
const scratch = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
const nodeBin = (name) => join(root, 'node_modules/.bin', name)
const cSources = execFileSync('git', ['ls-files', 'agent/**.c', 'agent/**.h'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean)

/**
 * name, program, arguments, and how many tests it ran where it is a test runner. Those of a lane run one after the other; the
 * lanes of a stage at once, as none of them keeps two processors busy by itself; the stages one after the other.
 */
const STAGES = [
  [
    [
      { name: 'prettier', run: [nodeBin('prettier'), '--check', '--log-level', 'warn', '.'] },
      { name: 'eslint', run: [nodeBin('eslint'), 'tui'] },
      { name: 'tsc', run: [nodeBin('tsc'), '-p', 'tsconfig.lint.json'] },
    ],
    [
      { name: 'rustfmt', run: ['cargo', 'fmt', '--all', '--check'] },
      { name: 'clippy', run: ['cargo', 'clippy', '--locked', '-q', '--all-targets', '--', '-D', 'warnings'] },
      { name: 'clang-format', run: ['clang-format-19', '--dry-run', '-Werror', ...cSources] },
    ],
  ],
  // Some wait for what must come in time, so nothing else runs beside them.
  [[{ name: 'agent', run: ['cargo', 'test', '--locked', '-q'], count: countCargo }]],
  [[vitest('unit', 'vitest.config.ts')]],
  [[vitest('prove', 'tui/test/prove/vitest.config.ts')]],
  [[vitest('lab', 'vitest.lab.config.ts')]],
]

function vitest(name, config) {
  const report = join(scratch, `${name}.json`)
  return {
    name,
    run: [
      nodeBin('vitest'),
      'run',
      '--config',
      config,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    count: () => {
      const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
      return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests }
    },
  }
}

function countCargo(output) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const [, passed, failed, ignored] of output.matchAll(
    /test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/g,
  )) {
    total.passed += Number(passed)
    total.failed += Number(failed)
    total.skipped += Number(ignored)
  }
  return total
}

async function perform(check) {
  const started = Date.now()
  const [program, ...args] = check.run
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', TMPDIR: scratch },
  })
  let output = ''
  // A check that talks while it runs shows that it lives; a linter that is content says nothing.
  const hear = (chunk) => {
    output += chunk
    process.stdout.write(chunk)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const status = await new Promise((resolve) => {
    child.once('error', (cause) => resolve(cause.message))
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  process.stdout.write(
    `${status === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)${status === 0 ? '' : `: status ${status}`}\n`,
  )
  return { ok: status === 0, ...counted(check, output) }
}

function counted(check, output) {
  try {
    return check.count?.(output) ?? { passed: 0, failed: 0, skipped: 0 }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

const wanted = process.argv.slice(2)
const total = { passed: 0, failed: 0, skipped: 0 }
const broken = []
for (const lanes of STAGES) await Promise.all(lanes.map(performAll))

async function performAll(lane) {
  for (const check of lane.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const result = await perform(check)
    total.passed += result.passed
    total.failed += result.failed
    total.skipped += result.skipped
    if (!result.ok) broken.push(check.name)
  }
}

rmSync(scratch, { recursive: true, force: true })
if (broken.length > 0) process.stdout.write(`not passed: ${broken.join(', ')}\n`)
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = broken.length > 0 ? 1 : 0
