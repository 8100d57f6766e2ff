/** A command as its manual page tells it; what `--help` says, from the same description. */
export interface ManualCommand {
  /** `cowpath`, `cowpath record`. */
  readonly name: string
  readonly summary: string
  /** `[endpoint]`, `<file>`. */
  readonly parameters: readonly { readonly term: string; readonly description: string }[]
  readonly options: readonly { readonly flags: string; readonly description: string }[]
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[]
  /** What `--help` says after its lists: exit status, hints. */
  readonly remarks: string
}

/** The page in man(7) roff; `date` as YYYY-MM-DD. */
export function manualPage(command: ManualCommand, version: string, date: string): string {
  const title = command.name.replaceAll(' ', '-')
  const synopsis = [
    bold(command.name),
    ...(command.options.length > 0 ? ['[OPTIONS]'] : []),
    ...(command.subcommands.length > 0 ? ['COMMAND'] : []),
    ...command.parameters.map(({ term }) => escaped(term)),
  ]
  return [
    `.TH "${title.toUpperCase()}" 1 "${date}" "cowpath ${escaped(version)}" "User Commands"`,
    '.SH NAME',
    `${escaped(title)} \\- ${escaped(command.summary)}`,
    '.SH SYNOPSIS',
    synopsis.join(' '),
    ...section(
      'COMMANDS',
      command.subcommands.map(({ name, summary }) => [`${command.name} ${name}`, summary]),
    ),
    ...section(
      'ARGUMENTS',
      command.parameters.map(({ term, description }) => [term, description]),
    ),
    ...section(
      'OPTIONS',
      command.options.map(({ flags, description }) => [flags, description]),
    ),
    ...(command.remarks.trim() === ''
      ? []
      : ['.SH NOTES', '.nf', ...command.remarks.trim().split('\n').map(escapedLine), '.fi']),
    '.SH SEE ALSO',
    command.subcommands.length > 0
      ? command.subcommands.map(({ name }) => `${bold(`${title}-${name}`)}(1)`).join(', ')
      : `${bold('cowpath')}(1)`,
    '',
  ].join('\n')
}

function section(title: string, entries: readonly (readonly [string, string])[]): readonly string[] {
  if (entries.length === 0) return []
  return [`.SH ${title}`, ...entries.flatMap(([term, text]) => ['.TP', bold(term), escapedLine(text)])]
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`
}

/** groff reads - as a hyphen, which cannot be searched for or pasted into a shell. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-')
}

/** A line that begins with . or ' would be taken for a request. */
function escapedLine(text: string): string {
  return escaped(text).replace(/^([.'])/, '\\&$1')
}

/** Completion of commands and options for one shell, by the same description. Files complete everywhere else. */
export function completionScript(shell: Shell, commands: readonly ManualCommand[]): string {
  const names = commands.map(({ name }) => name.split(' ').slice(1).join(' ')).filter((name) => name !== '')
  const options = (command: ManualCommand) =>
    command.options.flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? [])
  const cases = commands
    .filter(({ name }) => name.includes(' '))
    .map((command) => [command.name.split(' ')[1], options(command)] as const)
  switch (shell) {
    case 'bash':
      return [
        '_cowpath() {',
        '  local word=${COMP_WORDS[COMP_CWORD]} options=',
        '  if [[ $COMP_CWORD -eq 1 ]]; then',
        `    COMPREPLY=($(compgen -W '${names.join(' ')}' -- "$word"))`,
        '    return',
        '  fi',
        '  case ${COMP_WORDS[1]} in',
        ...cases.map(([name, all]) => `    ${name}) options='${all.join(' ')}' ;;`),
        '  esac',
        '  if [[ $word == -* ]]; then',
        '    COMPREPLY=($(compgen -W "$options" -- "$word"))',
        '  else',
        '    COMPREPLY=($(compgen -f -- "$word"))',
        '  fi',
        '}',
        'complete -o filenames -F _cowpath cowpath',
        '',
      ].join('\n')
    case 'zsh':
      return [
        '#compdef cowpath',
        'autoload -U +X bashcompinit && bashcompinit',
        completionScript('bash', commands),
      ].join('\n')
    case 'fish':
      return [
        'complete -c cowpath -n __fish_use_subcommand -f',
        ...commands
          .filter(({ name }) => name.includes(' '))
          .flatMap((command) => {
            const [, name] = command.name.split(' ')
            return [
              `complete -c cowpath -n __fish_use_subcommand -f -a ${name} -d ${quoted(command.summary)}`,
              ...options(command).map(
                (option) =>
                  `complete -c cowpath -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
              ),
            ]
          }),
        '',
      ].join('\n')
  }
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
