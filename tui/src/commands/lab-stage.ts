import { bootLab } from '../lab/guest.js'
import { resolveKernel } from '../lab/kernels.js'
import { printNote } from './output.js'
import type { Stage } from './stage.js'

/** Debian 12's kernel: what most hosts run that cannot be traced from here, and one that loses the read below. */
export const STAGE_KERNEL = '6.1'
/**
 * A database that saves snapshots (forkloop), and a program that reads from an ordinary disk by O_DIRECT, forks while
 * the read is in flight, and writes to the rest of the page: 6.1 loses what was read, 6.12 and later do not.
 */
const WORKLOAD = ['sh', '-c', 'forkloop 1000000 256 & exec odirect show']
/** So slow that the read is in flight for about 2 s. */
const DISK = 'ext4,throttle=200000'

/** A guest with a workload that forks and writes, which waits until somebody listens. */
export async function openLabStage(agent: string, series: string): Promise<Stage> {
  const kernel = await resolveKernel({ kernel: series }, printNote)
  printNote(
    `booting Linux ${kernel.release} in QEMU: one program forks and writes, one reads from a slow disk while it forks`,
  )
  const guest = await bootLab({ kernel, agent, files: [], workload: WORKLOAD, disk: DISK })
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
