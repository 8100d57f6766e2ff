/** `npm run bench`: every table, one after the other. Asserts nothing; docs/benchmarks.md says how to read it. */
import { benchAgent, benchEndToEnd } from './end-to-end.js'
import { benchHistory } from './history.js'
import { benchKernel, KERNEL_TITLE } from './kernel.js'
import { benchPeers } from './peers.js'
import { benchQueries } from './queries.js'
import { benchScreen, SCREEN_TITLE } from './screen.js'
import { benchStore } from './store.js'
import { printTable } from './table.js'
import { benchWire } from './wire.js'

const EVENTS = 1_000_000
const SCREEN_SECONDS = 20

printTable('wire', await benchWire(EVENTS))
await benchHistory(2 * EVENTS, 100_000)
process.stdout.write('\n')
await benchStore(EVENTS, (line) => process.stdout.write(`${line}\n`))
printTable('end to end', await benchEndToEnd(EVENTS))
printTable('peers, the same events', await benchPeers(EVENTS / 2))
printTable('a recording asked', await benchQueries(10 * EVENTS))
printTable('agent', await benchAgent())
printTable(SCREEN_TITLE, await benchScreen(SCREEN_SECONDS))
for (const series of ['6.1', '7.2']) printTable(KERNEL_TITLE, await benchKernel(series))
