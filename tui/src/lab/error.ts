/** What went wrong in the lab, in one line for a person: what happened, why, what to do. */
export class LabError extends Error {
  override readonly name = 'LabError'
}

/** The text of anything thrown. */
export function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
