import type { FactSink } from '../model/facts.js'
import type { Anomalies } from './anomalies.js'
import type { Clock, When } from './clock.js'
import type { Mms } from './mms.js'
import type { Pages } from './pages.js'
import type { Pins } from './pins.js'
import type { Processes } from './processes.js'
import type { Rates } from './rates.js'
import type { Vmas } from './vmas.js'

/** What the parts of the history are, for one event after the other. */
export interface Parts {
  readonly sink: FactSink
  readonly clock: Clock
  readonly mms: Mms
  readonly pages: Pages
  readonly pins: Pins
  readonly processes: Processes
  readonly rates: Rates
  readonly vmas: Vmas
  readonly anomalies: Anomalies
  /** A bound was reached: `count` things that are alive were forgotten. */
  readonly onForgotten: (count: number, when: When) => void
}
