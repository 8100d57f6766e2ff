import { CommanderError } from 'commander'
import { CowpathError, ExitStatus } from '../model/failure.js'
import { printable } from '../views/printable.js'

/**
 * The one place where an error becomes what a person reads: one line on stderr (with `--debug` the stack as well), and
 * an exit status. Never throws.
 */
export function reportFailure(error: unknown, argv: readonly string[]): number {
  // Commander has printed its own line already; help and --version end this way too, with status 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.Ok : ExitStatus.Usage
  process.stderr.write(`cowpath: ${failureLine(error)}\n`)
  if (argv.includes('--debug') && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  return error instanceof CowpathError ? error.exitStatus : ExitStatus.Failed
}

/** The error as one printable line: what happened, why, what to do. */
export function failureLine(error: unknown): string {
  return printable(failureText(error).replace(/\s*\n\s*/g, ' '), 'unicode')
}

function failureText(error: unknown): string {
  if (error instanceof CowpathError) return error.message
  if (!(error instanceof Error)) return `internal error: ${String(error)}. Please report it`
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const todo = SYSTEM_ADVICE[code]
  if (todo !== undefined) return `${error.message}. ${todo}`
  return `internal error: ${error.message}. Please report it with what --debug prints`
}

/** What to do about errors that the system reports by a code (errno(3)). */
const SYSTEM_ADVICE: Readonly<Partial<Record<string, string>>> = {
  ENOENT: 'Check the path',
  EACCES: 'Check the permissions, or run as root',
  EPERM: 'Check the permissions, or run as root',
  ENOSPC: 'Free some space, or write to another disk',
  EROFS: 'Write to another place',
  EISDIR: 'Name a file',
  ENOTDIR: 'Check the path',
  EMFILE: 'Raise the limit on open files (ulimit -n)',
  EADDRINUSE: 'Choose another address, or end what listens there',
}
