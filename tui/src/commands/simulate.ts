import { Command, InvalidArgumentError, Option } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { isAlarm } from '../model/finding.js'
import { Onlooker } from '../pipeline/onlooker.js'
import { Recorder } from '../pipeline/recorder.js'
import { rulesUnder } from '../pipeline/rules-under.js'
import type { Policy } from '../policy/policy.js'
import { SLOT_SIZES, type SlotSize } from '../policy/simulator/memory.js'
import {
  AREA_OPERATIONS,
  operationText,
  parseOperation,
  SLOT_OPERATIONS,
  type Operation,
} from '../policy/simulator/operations.js'
import { cameToNothing, simulatedAgent, story, type Scene } from '../policy/simulator/story.js'
import type { Truth } from '../policy/simulator/truth.js'
import { LEGS } from '../rules/legs.js'
import { findingLines } from '../views/finding-lines.js'
import { kindId, outcomeId } from '../views/kind-words.js'
import type { FindingRow, RuleRow } from '../views/live-findings.js'
import { findingRowJson } from '../views/live-json.js'
import { LiveModel } from '../views/live-model.js'
import { folded, toldLine } from '../views/simulated.js'
import { pageAddress } from '../views/units.js'
import { printJson, printLine } from './output.js'
import { policyArgument, POLICY_WORDS } from './policy-argument.js'
import { outputOptions } from './reading.js'
import { ruleTexts } from './rule-texts.js'
import { printLines } from './tables.js'

interface SimulateOptions {
  readonly policy: Policy
  readonly slots: readonly SlotSize[]
  readonly record?: string
  readonly all?: true
  readonly json?: true
}

const OPERATION_WORDS = `
Operations, as "write mm 0 slot 0.0": mm 0 is the process, mm 1 its child; slot N.P is page P of the Nth slot.
  of a page   ${SLOT_OPERATIONS.join(', ')}
  GUP         read-get, write-get, read-pin, write-pin, each also "long-term ..."
  of a slot   ${AREA_OPERATIONS.join(', ')}  (mm N slot N)
  of a pin    release, device-write, device-read  (pin N, by order of taking from 1)
  of a process  fork, exit  (mm N); and settle: passing references and LRU batches are gone
Exit status: 0 nothing dangerous was found, 3 a hazard or a violation.`

/** The kernel that the rules are proven with, for whoever wants to try a story of their own. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description('plays operations in a simulated kernel that knows what memory holds, and judges them')
    .argument('<operations...>', 'in order, each as one argument')
    .requiredOption('--policy <policy>', `which kernel: ${POLICY_WORDS}`, policyArgument)
    .addOption(
      new Option('--slots <sizes>', `what is mapped, by commas: ${SLOT_SIZES.join(', ')}`)
        .argParser(slotsArgument)
        .default(['base'] as const, 'base'),
    )
    .option('--record <file>', 'record as well: every command can be asked about it then')
    .option('--all', 'advice, measurements and what could not be said as well')
    .option('--json', 'one JSON object an operation, then one a finding')
    .addHelpText('after', OPERATION_WORDS)
    .action(async (words: readonly string[], options: SimulateOptions) => {
      const operations = words.map((text) => operationArgument(text, options.slots.length))
      process.exitCode = await simulate(operations, options)
    })
}

function slotsArgument(text: string): readonly SlotSize[] {
  return text.split(',').map((word) => {
    const size = SLOT_SIZES.find((one) => one === word)
    if (size === undefined) throw new InvalidArgumentError(`It is none of: ${SLOT_SIZES.join(', ')}.`)
    return size
  })
}

function operationArgument(text: string, slots: number): Operation {
  const operation = parseOperation(text)
  if (operation === undefined)
    throw new CowpathError({
      what: `cannot play ${JSON.stringify(text)}`,
      why: 'there is no such operation',
      todo: 'cowpath simulate --help lists them: "write mm 0 slot 0.0"',
      exitStatus: ExitStatus.Usage,
    })
  if ('area' in operation && operation.area >= slots)
    throw new CowpathError({
      what: `cannot play ${JSON.stringify(text)}`,
      why: `there ${slots === 1 ? 'is 1 slot' : `are ${slots} slots`}, counted from 0`,
      todo: 'name more by --slots base,thp,...',
      exitStatus: ExitStatus.Usage,
    })
  return operation
}

async function simulate(
  operations: readonly Operation[],
  { policy, slots, record, all, json }: SimulateOptions,
): Promise<number> {
  const agent = simulatedAgent(policy, LEGS, `simulated-${Date.now()}`)
  const model = new LiveModel('simulator')
  model.ruleTexts(ruleTexts(policy))
  const onlooker = new Onlooker(rulesUnder(policy), model)
  const recorder = record === undefined ? undefined : await Recorder.open(record, rulesUnder(policy))
  const started = { type: 'started', agent, nextSeq: 1 } as const
  const take = async (item: Scene['item'] | typeof started) => {
    onlooker.take(item)
    model.accept(item, 0)
    await recorder?.take(item)
  }
  try {
    await take(started)
    for (const scene of story(policy, slots, operations)) {
      await take(scene.item)
      if (json) printJson(sceneJson(scene))
      else tellScene(scene)
    }
    onlooker.finish()
  } finally {
    await recorder?.close()
  }
  const { findings } = model.snapshot()
  const shown = findings.filter((finding) => all || !QUIET.has(finding.verdict))
  if (json) for (const finding of shown) printJson({ finding: findingRowJson(finding, model.snapshot()) })
  else tellFindings(shown, findings.length - shown.length, model, all ?? false)
  return findings.some(isAlarm) ? ExitStatus.Found : ExitStatus.Ok
}

const QUIET: ReadonlySet<string> = new Set(['advice', 'measured', 'unknown'])

function tellScene(scene: Scene): void {
  const { operation, told, truths, seen } = scene
  printLine(operation === null ? 'before' : operationText(operation))
  for (const line of folded(told.map(toldLine))) printLine(`    ${line}`)
  if (cameToNothing(scene)) printLine('    nothing: it cannot be done here, or changes nothing')
  if (seen !== undefined) printLine(`    the device sees content ${seen}`)
  for (const truth of truths) printLine(`  memory: ${truthWords(truth)}`)
}

function truthWords({ pin, what, vpn, isSelfInflicted }: Truth): string {
  const by = isSelfInflicted ? ', by its owner itself' : ''
  return what === 'diverged'
    ? `pin ${pin.order} and ${pageAddress(vpn)} are two memories now${by}`
    : `pin ${pin.order} sees what another process may write now`
}

function tellFindings(findings: readonly FindingRow[], others: number, model: LiveModel, all: boolean): void {
  const { rules } = model.snapshot()
  const options = outputOptions(process.env)
  for (const finding of findings) {
    printLine()
    const text = rules.find(({ rule }) => rule === finding.rule)?.text
    printLines(findingLines(finding, text, options))
  }
  if (findings.length === 0) printLine('\nNo rule was broken.')
  if (all)
    printLine(
      `\nChecked: ${rules
        .filter(({ checked }) => checked > 0)
        .map(checkedWords)
        .join('; ')}`,
    )
  if (others > 0) printLine(`\n${others} more by --all: advice, measurements, and what could not be said.`)
}

function checkedWords({ rule, held, broken, unknown }: RuleRow): string {
  const answers = Object.entries({ held, broken, unknown }).filter(([, times]) => times > 0)
  return `${rule} ${answers.map(([answer, times]) => `${answer} ${times}`).join(', ')}`
}

function sceneJson({ operation, told, truths, seen }: Scene): object {
  return {
    operation: operation === null ? null : operationText(operation),
    told: told.map((event) => ({
      seq: event.seq,
      kind: kindId(event.kind),
      outcome: outcomeId(event.outcome),
      pid: event.tgid,
      mm: event.mm,
      address: pageAddress(event.vpn),
      old_pfn: event.oldPfn,
      new_pfn: event.newPfn,
      refcount: event.refcount,
      mapcount: event.mapcount,
      pincount: event.pincount,
    })),
    truths: truths.map(({ pin, what, mm, vpn, isSelfInflicted }) => ({
      pin: pin.order,
      what,
      mm,
      address: pageAddress(vpn),
      self_inflicted: isSelfInflicted,
    })),
    seen: seen ?? null,
  }
}
