// Makes the protobufjs static code of tui/src/wire/generated from proto/. Generated code is built, never edited.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execFileSync } from 'node:child_process'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const protos = ['cowpath/v1/event.proto', 'cowpath/v1/agent.proto']
const out = join(root, 'tui/src/wire/generated')
const bin = (name) => join(root, 'node_modules/protobufjs-cli/bin', name)

const newest = Math.max(...protos.map((name) => statSync(join(root, 'proto', name)).mtimeMs))
let built = 0
try {
  built = statSync(join(out, 'cowpath.d.ts')).mtimeMs
} catch {
  // not built yet
}
if (built < newest) {
  mkdirSync(out, { recursive: true })
  const js = join(out, 'cowpath.js')
  execFileSync(
    process.execPath,
    [
      bin('pbjs'),
      '-t',
      'static-module',
      '-w',
      'es6',
      '--force-number',
      '--no-delimited',
      '--no-service',
      '-p',
      join(root, 'proto'),
      '-o',
      js,
      ...protos,
    ],
    { stdio: 'inherit' },
  )
  // protobufjs-cli writes the extensionless import of bundlers; Node's ESM wants the file name.
  writeFileSync(
    js,
    readFileSync(js, 'utf8').replace(/from "protobufjs\/minimal"/, 'from "protobufjs/minimal.js"'),
  )
  execFileSync(process.execPath, [bin('pbts'), '-o', join(out, 'cowpath.d.ts'), js], { stdio: 'inherit' })
}
