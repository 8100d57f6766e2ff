/**
 * What tests look at is whole: what itself says that it lost something is made again, and what came of a guest that died
 * by itself. A kernel that preempts itself leaves programs out, more so on a slow machine (agent/README.md), and that is
 * told; a test of what a recording holds is not about it. What is missing and not told as lost fails its test at once.
 */

const TRIES = 3
/** For a test, or what runs before tests, that makes a recording: vitest's own limit, for each try. */
export const RECORDING_MS = TRIES * 180_000

/** What was made, and what it says itself that it lost: a line a gap. */
export interface Attempt<T> {
  readonly made: T
  readonly lost: readonly string[]
}

/** The first attempt that lost nothing, of three. Throws what was lost if all of them did. */
export async function untilWhole<T>(make: () => Promise<Attempt<T>>): Promise<T> {
  const told: string[] = []
  while (told.length < TRIES) {
    try {
      const { made, lost } = await make()
      if (lost.length === 0) return made
      told.push(lost.join(', '))
    } catch (error) {
      if (!isGuestsOwnDeath(error)) throw error
      told.push('the guest died')
    }
  }
  throw new Error(`none of ${TRIES} recordings is whole: ${told.join('; ')}`)
}

/** Emulated kernels panic by themselves, or starve on a busy machine. */
function isGuestsOwnDeath(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const said = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : error.message
  return /the guest \(kernel .*(did not start its workload|panic|Fatal exception)/s.test(said)
}

/** The same for what cannot say that it lost anything. */
export async function survived<T>(make: () => Promise<T>): Promise<T> {
  return untilWhole(async () => ({ made: await make(), lost: [] }))
}
