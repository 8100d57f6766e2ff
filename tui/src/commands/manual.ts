import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Argument, type Command } from 'commander'
import { CowpathError } from '../model/failure.js'
import { completionScript, manualPage, SHELLS, type ManualCommand, type Shell } from '../views/manual.js'
import { printLine } from './output.js'

/**
 * Adds `manual` and `completion`, which tell of all commands that `program` has: to be called when it has them all.
 */
export function addManual(program: Command, version: string): void {
  program
    .command('manual')
    .description('writes a manual page for each command into a folder')
    .argument('<folder>', 'made where it does not exist; MANPATH/man1 of man(1)')
    .action((folder: string) => {
      const date = new Date().toISOString().slice(0, 10)
      for (const command of described(program)) {
        const file = join(folder, `${command.name.replaceAll(' ', '-')}.1`)
        writeWhole(folder, file, manualPage(command, version, date))
        printLine(file)
      }
    })
  program
    .command('completion')
    .description('prints what a shell needs to complete commands and options')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText('after', '\nbash: eval "$(cowpath completion bash)" in ~/.bashrc')
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, described(program)))
    })
}

function writeWhole(folder: string, file: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
  } catch (cause) {
    throw new CowpathError({
      what: `cannot write ${file}`,
      why: cause instanceof Error ? cause.message : String(cause),
      todo: 'name a folder that may be written',
      cause,
    })
  }
}

/** The program itself first, then each of its commands. */
function described(program: Command): readonly ManualCommand[] {
  return [program, ...program.commands].map((command) => ({
    name: command === program ? program.name() : `${program.name()} ${command.name()}`,
    summary: command.description(),
    parameters: command.registeredArguments.map((argument) => ({
      term: argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      description: argument.description,
    })),
    options: command.options
      .filter((option) => !option.hidden)
      .map(({ flags, description }) => ({ flags, description })),
    subcommands:
      command === program
        ? program.commands.map((sub) => ({ name: sub.name(), summary: sub.description() }))
        : [],
    remarks: remarksOf(command),
  }))
}

/** What commander prints after the lists: it is only to be had by letting it print. */
function remarksOf(command: Command): string {
  const before = { ...command.configureOutput() }
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  command.configureOutput(before)
  return text.slice(text.indexOf(command.helpInformation()) + command.helpInformation().length)
}
