/**
 * `npm run bench [-- NAME..]`: every bench, or those named, one after the other. Asserts nothing; docs/benchmarks.md says how to read it.
 *
 * Each is a process of its own: what one has compiled, and left for the garbage collector, is not measured with the next.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** By name: the program in this folder and its arguments. */
const BENCHES = new Map<string, readonly string[]>([
  ['wire', ['wire.js', '1000000']],
  ['history', ['history.js', '2000000', '100000', '5000000']],
  ['store', ['store.js', '1000000']],
  ['end-to-end', ['end-to-end.js', '3072000']],
  ['peers', ['peers.js', '512000']],
  ['queries', ['queries.js', '10000000']],
  ['agent', ['agent.js']],
  ['screen', ['screen.js', '20']],
  ['kernel-6.1', ['kernel.js', '6.1']],
  ['kernel-7.2', ['kernel.js', '7.2']],
])

/** Whether it came to its end. */
function succeeds([program, ...args]: readonly string[]): boolean {
  const path = fileURLToPath(new URL(program, import.meta.url))
  // Without it what was outgrown would count as memory.
  return spawnSync(process.execPath, ['--expose-gc', path, ...args], { stdio: 'inherit' }).status === 0
}

const named = process.argv.slice(2)
const unknown = named.filter((name) => !BENCHES.has(name))
if (unknown.length > 0) {
  process.stderr.write(
    `bench: no bench ${unknown.join(', ')}. There are: ${[...BENCHES.keys()].join(', ')}\n`,
  )
  process.exit(2)
}
const failed = [...BENCHES].filter(([name, words]) => {
  if (named.length > 0 && !named.includes(name)) return false
  const from = Date.now()
  const done = succeeds(words)
  process.stdout.write(
    `\n${name}: ${done ? 'done' : 'failed'} after ${Math.round((Date.now() - from) / 1000)} s\n`,
  )
  return !done
})
if (failed.length > 0) {
  process.stderr.write(`bench: not measured: ${failed.map(([name]) => name).join(', ')}\n`)
  process.exitCode = 1
}
