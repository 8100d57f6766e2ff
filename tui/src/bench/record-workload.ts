import { Recorder } from '../pipeline/recorder.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import { workloadItems } from './stream-file.js'
import type { StreamItem } from '../model/events.js'

const nothing = () => undefined

/** Records a stream within this process: history, rules, facts, a sealed file. */
export async function record(path: string, items: Iterable<StreamItem>): Promise<void> {
  const recorder = await Recorder.open(path, rulesUnder())
  recorder.begin({ durable: nothing, paused: nothing, resumed: nothing, failed: nothing })
  for (const item of items) {
    const pause = recorder.take(item)
    if (pause !== undefined) await pause
  }
  await recorder.close()
}

/** The workload of so many events as a recording. */
export function recordWorkload(path: string, events: number): Promise<void> {
  return record(path, workloadItems(events))
}
