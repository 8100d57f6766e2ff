/**
 * Decoding on one core: the columnar reader beside the generated code, over the same bytes in the same run.
 *
 * Usage: node tui/dist/bench/wire.js [EVENTS]
 */
import { decodeResponse } from '../wire/decode.js'
import { encodeItem } from '../wire/encode.js'
import { cowpath } from '../wire/generated/cowpath.js'
import { madeUpBatch } from '../wire/testing/made-up.js'
import { medianSeconds, perSecond, printTable, type Row } from './table.js'

/** As the agent cuts them. */
const BATCH = 1024
const RUNS = 7

/** Events a second of both decoders, and the size of an event on the wire. */
export async function benchWire(events: number): Promise<readonly Row[]> {
  const batches: Uint8Array[] = []
  for (let seq = 1; seq <= events; seq += BATCH) batches.push(encodeItem(madeUpBatch(seq, BATCH)))
  const count = batches.length * BATCH
  const bytes = batches.reduce((sum, batch) => sum + batch.length, 0)
  const generated = await medianSeconds(RUNS, () => {
    for (const batch of batches) cowpath.v1.TraceResponse.decode(batch)
  })
  const ours = await medianSeconds(RUNS, () => {
    for (const batch of batches) decodeResponse(batch)
  })
  const times = (generated / ours).toFixed(1)
  return [
    {
      what: 'decode into columns',
      figure: perSecond(count, ours),
      beside: `${times} times the generated code`,
    },
    {
      what: 'decode by the generated code',
      figure: perSecond(count, generated),
      beside: 'arrays of numbers',
    },
    { what: 'size on the wire', figure: `${(bytes / count).toFixed(1)} B`, beside: 'an event, made up' },
  ]
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  printTable('wire', await benchWire(Number(process.argv[2] ?? 500_000)))
