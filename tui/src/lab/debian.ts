/** A small Debian root for programs that need their libraries: made by mmdebstrap, unpacked and never configured. */
import { execFile } from 'node:child_process'
import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { LabError } from './error.js'

const run = promisify(execFile)

/** What a root holds. The suite is fixed: figures are compared between hosts. */
interface Root {
  readonly suite: string
  readonly packages: readonly string[]
}

/** Programs that take pages. */
export const USERS_ROOT: Root = {
  suite: 'bookworm',
  packages: ['bash', 'coreutils', 'redis-server', 'redis-tools', 'fio', 'python3'],
}
/** A bpftrace that runs agent/bpftrace/cowpath.bt: bookworm's 0.17 does not. */
export const BPFTRACE_ROOT: Root = { suite: 'trixie', packages: ['bash', 'coreutils', 'bpftrace'] }
/** What the agent's unit is for. */
export const SYSTEMD_ROOT: Root = {
  suite: 'bookworm',
  packages: ['bash', 'coreutils', 'grep', 'sed', 'systemd'],
}

/**
 * Unpacks the programs and their libraries into the new folder `root`, from the mirror that apt uses.
 * @throws LabError where there is no mmdebstrap; what it says itself where it fails.
 */
export async function debianRoot(root: string, { suite, packages }: Root): Promise<void> {
  const program = ['/usr/bin/mmdebstrap', '/usr/local/bin/mmdebstrap'].find((one) => existsSync(one))
  if (program === undefined)
    throw new LabError('cannot make a Debian disk: there is no mmdebstrap. apt install mmdebstrap')
  await run(program, [
    '--quiet',
    '--variant=extract',
    '--aptopt=APT::Install-Recommends "false"',
    `--include=${packages.join(',')}`,
    suite,
    root,
  ])
  // No maintainer script has run: the link that dash would have made.
  const shell = join(root, 'bin/sh')
  if (!existsSync(shell)) symlinkSync('bash', shell)
}
