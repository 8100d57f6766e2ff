import { bootLab } from '../lab/guest.js'
import { resolveKernel } from '../lab/kernels.js'
import { printNote } from './output.js'
import type { Stage } from './stage.js'

/** Debian 12's kernel: what most hosts run that cannot be traced from here. */
const KERNEL = '6.1'
/** Forks again and again, and writes what it shares with the child, as a database that saves a snapshot. */
const WORKLOAD = ['forkloop', '1000000', '256']

/** A guest with a workload that forks and writes, which waits until somebody listens. */
export async function openLabStage(agent: string): Promise<Stage> {
  const kernel = await resolveKernel({ kernel: KERNEL }, printNote)
  printNote(`booting Linux ${kernel.release} in QEMU, with a program that forks and writes`)
  const guest = await bootLab({ kernel, agent, files: [], workload: WORKLOAD })
  // Its own words are not the answer here, and must not fill the pipe.
  guest.stdout.resume()
  guest.stderr.resume()
  // It is shut down, not waited for: that it never ends is no failure.
  guest.waitExit().catch(() => undefined)
  const endpoint = guest.endpoint ?? ''
  return {
    endpoint,
    begin: () => {
      guest.start()
    },
    close: () => guest.shutdown(),
  }
}
