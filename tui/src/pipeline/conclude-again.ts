import type { History } from '../history/history.js'
import { pmdOrderOf } from '../model/page-size.js'
import type { Recording } from '../store/recording.js'
import { storedStream } from '../store/stored-stream.js'
import type { Judges } from './judges.js'

/**
 * Concludes from the events of a recording, to the last one. `onRun` is told before the first event of each run. Throws
 * a CowpathError where the file is damaged.
 */
export function concludeAgain(
  recording: Recording,
  history: History,
  judges: Judges,
  onRun: (run: number) => void = () => undefined,
): void {
  for (const { run, item } of storedStream(recording)) {
    switch (item.type) {
      case 'started':
        onRun(run)
        judges.started(run, item.agent)
        history.begin(run, item.nextSeq, pmdOrderOf(item.agent.pageSize), item.agent.onePageIn)
        break
      case 'batch':
        history.apply(item)
        break
      case 'loss':
        history.lose(item.loss)
        break
      case 'heartbeat':
        break
    }
  }
  history.finish()
  judges.finish()
}
