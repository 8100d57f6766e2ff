/** Exit statuses of every command; documented in `cowpath --help`. */
export const ExitStatus = {
  Ok: 0,
  /** What was asked could not be done: no permission, no agent, a file that is not ours, a full disk. */
  Failed: 1,
  /** The command line itself is wrong. */
  Usage: 2,
  /** `doctor`: something that tracing needs is missing here. */
  NotReady: 3,
  /** `findings`, `check`: memory was in danger: a hazard or a violation is among what is told. */
  Found: 3,
} as const
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus]

/** The three parts of an error as a person wants them, in one line. */
export interface FailureParts {
  /** "cannot open run.db" */
  readonly what: string
  /** "it was written by a newer cowpath (schema 7)" */
  readonly why: string
  /** "upgrade, or record again"; empty where nothing can be done. */
  readonly todo: string
  /** Default: 1. */
  readonly exitStatus?: number
  readonly cause?: unknown
}

/** An error that a person can act on. Anything else that is thrown is a bug of ours. */
export class CowpathError extends Error {
  readonly what: string
  readonly why: string
  readonly todo: string
  readonly exitStatus: number

  constructor(parts: FailureParts) {
    const { what, why, todo } = parts
    super(todo === '' ? `${what}: ${why}` : `${what}: ${why}. ${capitalised(todo)}`, { cause: parts.cause })
    this.name = 'CowpathError'
    this.what = what
    this.why = why
    this.todo = todo
    this.exitStatus = parts.exitStatus ?? ExitStatus.Failed
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
