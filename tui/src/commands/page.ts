import { Command } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { Flag } from '../model/kinds.js'
import type { RecordedEvents, Recording } from '../store/recording.js'
import { storedAgents } from '../store/stored-stream.js'
import { pageLines } from '../views/page-lines.js'
import {
  pageView,
  type FrameNode,
  type PageCounts,
  type PageSource,
  type PageTarget,
  type PageView,
} from '../views/page.js'
import type { RuleText } from '../views/rule-text.js'
import { pageAddress } from '../views/units.js'
import { pageOfAddress, wholeNumber } from './arguments.js'
import { printJson, printLine } from './output.js'
import { outputOptions, withRecording } from './reading.js'
import { ruleTextsOf } from './rule-texts.js'
import { moment, MOMENTS, type Moment } from './times.js'

interface PageOptions {
  readonly pid?: number
  readonly addr?: number
  readonly pfn?: number
  readonly at?: Moment
  readonly all?: true
  readonly json?: true
}

export function pageCommand(): Command {
  return new Command('page')
    .description(
      'tells the whole history of one page: what it mapped, why that changed, and where it was copied',
    )
    .argument('<recording>', 'a file that cowpath record wrote')
    .option('--pid <pid>', 'process', wholeNumber)
    .option('--addr <address>', 'any address within the page, hex', pageOfAddress)
    .option('--pfn <number>', 'instead: a physical page', wholeNumber)
    .option('--at <time>', 'with --pfn: the life that it had then', moment)
    .option('--all', 'the family of its frames up to 2,000, not 30')
    .option('--json', 'one JSON value')
    .addHelpText(
      'after',
      `\n${MOMENTS}\nOf the frames that its own came of, and that came of those, the 30 nearest are told (--all: 2,000), and of each how\n` +
        `many more came of it; of each frame the first 50 that mapped it; 1,000 references and 100 findings. cowpath sql\n` +
        `tells the rest.\n` +
        `Exit status: 0 the page is known, 1 it is not, or the file cannot be read.`,
    )
    .action((path: string, options: PageOptions) => {
      const which = targetOf(options)
      withRecording(path, (recording) => {
        const target = which(recording)
        const view = pageView(sourceOf(recording), target, options.all ? 'most' : 'nearest')
        if (view.slots.length === 0) throw unknownPage(path, target)
        if (options.json) printJson(pageJson(view))
        else pageLines(view, outputOptions(process.env), rulesOf(recording)).forEach(printLine)
      })
    })
}

function targetOf({ pid, addr, pfn, at }: PageOptions): (recording: Recording) => PageTarget {
  if (pfn !== undefined && pid === undefined && addr === undefined)
    return (recording) => ({ pfn, atNs: at?.(recording) ?? null })
  if (pid !== undefined && addr !== undefined && pfn === undefined && at === undefined)
    return () => ({ tgid: pid, vpn: addr })
  throw new CowpathError({
    what: 'cannot tell which page',
    why: 'it takes --pid and --addr together, or --pfn alone (with --at, if wanted)',
    todo: 'see cowpath page --help',
    exitStatus: ExitStatus.Usage,
  })
}

/** What the rules say, and what the kernel that was recorded last promises. */
function rulesOf(recording: Recording): readonly RuleText[] {
  return ruleTextsOf(storedAgents(recording).at(-1)?.agent.kernelRelease)
}

function unknownPage(path: string, target: PageTarget): CowpathError {
  const page =
    'pfn' in target ? `pfn ${target.pfn}` : `page ${pageAddress(target.vpn)} of process ${target.tgid}`
  return new CowpathError({
    what: `no history of ${page}`,
    why: `${path} holds no event of it`,
    todo: 'list pages that it knows with: cowpath top FILE --pages',
  })
}

const COUNT_COLUMNS = ['seq', 'flags', 'refcount', 'mapcount', 'pincount', 'newRefcount'] as const

/** The recording with the raw events behind its facts; the block last read is kept, as neighbours are asked next. */
export function sourceOf(recording: Recording): PageSource {
  let last: RecordedEvents | undefined
  return {
    ask: (query, parameters) => recording.ask(query, parameters),
    countsAt(run, seq): PageCounts | undefined {
      if (last?.run !== run || seq < last.firstSeq || seq > last.lastSeq)
        last = recording.eventsAround(run, seq, COUNT_COLUMNS)
      if (last === undefined) return undefined
      const { events } = last
      const at = events.seq.indexOf(seq)
      if (at < 0) return undefined
      return {
        refcount: events.refcount[at],
        mapcount: events.mapcount[at],
        pincount: events.pincount[at],
        exclusive: (events.flags[at] & Flag.Exclusive) !== 0,
        newRefcount: events.newRefcount[at],
      }
    },
  }
}

/** Addresses as 0x hex, as everywhere; times in ns. */
function pageJson({ slots, trees, ...rest }: PageView): object {
  return { slots: slots.map(withAddress), ...rest, trees: trees.map(nodeJson) }
}

function nodeJson({ owners, children, ...node }: FrameNode): object {
  return { ...node, owners: owners.map(withAddress), children: children.map(nodeJson) }
}

function withAddress({ vpn, ...rest }: { readonly vpn: number }): object {
  return { ...rest, address: pageAddress(vpn) }
}
