import { Command, Option } from 'commander'
import type { Recording } from '../store/recording.js'
import {
  PIN_COLUMNS,
  pinJson,
  TAKER_COLUMNS,
  type RecordedPin,
  type TakerRow,
} from '../views/recorded/pins.js'
import { wholeNumber } from './arguments.js'
import { printJson } from './output.js'
import { withRecording } from './reading.js'
import { printTable } from './tables.js'
import { moment, MOMENTS, type Moment } from './times.js'

interface PinsOptions {
  readonly at?: Moment
  readonly leaked?: true
  readonly longest?: true
  readonly byTaker?: true
  readonly gets?: true
  readonly limit: number
  readonly json?: true
}

type Which = 'outstanding' | 'leaked' | 'longest'

const EMPTY: Readonly<Record<Which, string>> = {
  outstanding: 'Nothing was pinned then.',
  leaked: 'Every pin was given back, or could still be.',
  longest: 'Nothing was pinned.',
}

export function pinsCommand(): Command {
  return new Command('pins')
    .description('lists pages that the kernel held for somebody: outstanding, leaked, longest held, by taker')
    .argument('<recording>', 'a file that cowpath record wrote')
    .option('--at <time>', 'outstanding then; else at the end of the recording', moment)
    .addOption(
      new Option('--leaked', 'never given back: the frame was freed, or its address space is gone').conflicts(
        ['at', 'longest', 'byTaker'],
      ),
    )
    .addOption(new Option('--longest', 'all, by how long they were held').conflicts(['at', 'byTaker']))
    .addOption(new Option('--by-taker', 'counts by the kernel function that asked').conflicts('at'))
    .option('--gets', 'FOLL_GET as well, whose end nobody sees')
    .option('--limit <rows>', 'how many', wholeNumber, 20)
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      `\n${MOMENTS}\n` +
        'A `?` behind how long it was held: events were lost since, the end may be among them.\n' +
        'Exit status: 0 done, 1 the file cannot be read.',
    )
    .action((path: string, options: PinsOptions) => {
      withRecording(path, (recording) => {
        if (options.byTaker) tellTakers(recording, options)
        else tellPins(recording, options)
      })
    })
}

function tellPins(recording: Recording, { at, leaked, longest, gets, limit, json }: PinsOptions): void {
  const which: Which = leaked ? 'leaked' : longest ? 'longest' : 'outstanding'
  const rows = recording.ask<RecordedPin>('pins', {
    which,
    gets: gets ? 1 : 0,
    at_ns: at?.(recording) ?? null,
    limit,
  })
  if (json) printJson(rows.map(pinJson))
  else printTable(PIN_COLUMNS, rows, { empty: EMPTY[which] })
}

function tellTakers(recording: Recording, { limit, json }: PinsOptions): void {
  const rows = recording.ask<TakerRow>('pins-by-taker', { limit })
  if (json) printJson(rows)
  else printTable(TAKER_COLUMNS, rows, { sortedBy: 'pins', empty: 'Nothing was pinned.' })
}
