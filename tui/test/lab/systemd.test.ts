/** The agent as it is installed: by its unit, under systemd, with what that lets it do. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

import { requireAgent } from '../../src/commands/agent-binary.js'
import { bootLab } from '../../src/lab/guest.js'
import { resolveKernel } from '../../src/lab/kernels.js'
import { Kind } from '../../src/model/kinds.js'
import { connect, type AgentClient } from '../../src/wire/client.js'
import { ofStep } from './guest-run.js'
import { survived } from './whole.js'

const UNIT = fileURLToPath(new URL('../../../agent/packaging/cowpath-agent.service', import.meta.url))
/** The agent attaches twice, on an emulated processor that others use, too. */
const BOOT_MS = 240_000
const GUEST_MS = 600_000
const PAGES = 100
/** CAP_PERFMON and CAP_BPF: include/uapi/linux/capability.h. */
const KEPT = '000000c000000000'
/** Numbers of prctl(PR_GET_SECCOMP): a filter. */
const FILTERED = '2'

/** Each line begins with the name of a step. The unit of this script is started when that of the agent is, or has failed. */
const SCRIPT = `
state() {
	echo $1 STATE $(systemctl show -p ActiveState,Result,NRestarts,ExecMainStatus cowpath-agent | sort)
}
privileges() {
	grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$(systemctl show -p MainPID --value cowpath-agent)/status |
		sed "s/^/$1 HAS /" | tr '\\t' ' '
}
clients() {
	wc -l </sys/fs/cgroup/system.slice/lab-relay.service/cgroup.procs
}

systemd-analyze verify cowpath-agent.service 2>&1 | sed 's/^/unit SAYS /'
state started; privileges started
stat -c 'socket IS %a %U:%G' /run/cowpath/agent.sock

pid=$(systemctl show -p MainPID --value cowpath-agent)
echo COWPATH_AGENT_OPTIONS=--nonsense >/etc/default/cowpath-agent
kill -9 $pid
until systemctl is-failed -q cowpath-agent; do sleep 0.2; done
sleep 3
state refused
journalctl -q -o cat -u cowpath-agent -t cowpath-agent | tail -n 1 | sed 's/^/refused SAYS /'
rm /etc/default/cowpath-agent
systemctl start cowpath-agent
state again

# The first process of the relay is there without a client.
until [ $(clients) -gt 1 ]; do sleep 0.2; done
while [ $(clients) -gt 1 ]; do copyreuse ${PAGES} >/dev/null; sleep 0.2; done
systemctl stop cowpath-agent
state stopped
if [ -e /run/cowpath ]; then echo stopped LEFT /run/cowpath; fi
`

/** What a script prints, and a promise that it has printed `word`. */
function listen(stdout: Readable, word: string): { text: () => string; printed: Promise<void> } {
  let said = ''
  const printed = new Promise<void>((resolve) => {
    stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
      if (said.includes(word)) resolve()
    })
  })
  return { text: () => said, printed }
}

interface Traced {
  /** Write faults of each process that was traced from its exec to its end. */
  readonly faults: readonly number[]
  /** Frames that were told of systemd itself, which had mapped them long before. */
  readonly frames: number
}

async function trace(client: AgentClient): Promise<Traced> {
  const faults = new Map<number, number>()
  const whole: number[] = []
  let frames = 0
  const filter = { pids: [1], comms: ['copyreuse'] }
  await client.ready(BOOT_MS)
  for await (const item of client.trace({ client: 'test', filter })) {
    if (item.type !== 'batch') continue
    const { events } = item
    for (let i = 0; i < events.length; i++) {
      const tgid = events.tgid[i]
      if (tgid === 1 && events.kind[i] === Kind.Snapshot) frames += events.pages[i]
      if (events.kind[i] === Kind.Exec) faults.set(tgid, 0)
      const before = faults.get(tgid)
      if (before === undefined) continue
      if (events.kind[i] === Kind.WpFault) faults.set(tgid, before + 1)
      if (events.kind[i] === Kind.MmExit) whole.push(before)
    }
    if (whole.length > 1) break
  }
  return { faults: whole, frames }
}

async function underSystemd(series: string): Promise<{ said: string; status: number; traced: Traced }> {
  const file = join(mkdtempSync(join(tmpdir(), 'cowpath-test-')), 'systemd.sh')
  writeFileSync(file, SCRIPT)
  const guest = await bootLab({
    kernel: await resolveKernel({ kernel: series }, () => undefined),
    agent: requireAgent(process.env),
    disk: 'systemd',
    bootsSystemd: true,
    files: [`${UNIT}:/lab/units/cowpath-agent.service`, `${file}:/lab/systemd.sh`],
    workload: ['sh', '/lab/systemd.sh'],
    bootTimeoutMs: BOOT_MS,
  })
  const client = connect(guest.endpoint ?? '')
  try {
    const script = listen(guest.stdout, 'again STATE')
    guest.start()
    // Who connects before is thrown out when the agent is killed.
    await Promise.race([script.printed, guest.waitExit()])
    const traced = await trace(client)
    client.close()
    return { status: await guest.waitExit(), said: script.text(), traced }
  } finally {
    client.close()
    await guest.shutdown()
  }
}

describe.each(['5.10', '7.2'])('the unit on kernel %s', (series) => {
  let run = { said: '', status: -1, traced: { faults: [], frames: 0 } as Traced }
  beforeAll(async () => {
    run = await survived(async () => underSystemd(series))
  }, GUEST_MS)

  const of = (step: string, word: string): string[] => ofStep(run.said, step, word)
  const state = (active: string, status: number, restarts: number, result: string) =>
    `ActiveState=${active} ExecMainStatus=${status} NRestarts=${restarts} Result=${result}`

  test('is without a fault in the eyes of systemd, and is started when the agent serves', () => {
    expect(of('unit', 'SAYS')).toEqual([])
    expect(of('started', 'STATE')).toEqual([state('active', 0, 0, 'success')])
    expect(of('socket', 'IS')).toEqual(['660 root:cowpath'])
  })

  test('leaves the agent that has attached two capabilities and a filter of system calls', () => {
    expect(of('started', 'HAS')).toEqual(
      expect.arrayContaining([`CapEff: ${KEPT}`, `CapBnd: ${KEPT}`, 'NoNewPrivs: 1', `Seccomp: ${FILTERED}`]),
    )
  })

  test('starts an agent that was killed again, and one whose command line is wrong not', () => {
    expect(of('refused', 'STATE')).toEqual([state('failed', 2, 1, 'exit-code')])
    expect(of('refused', 'SAYS')).toEqual([expect.stringContaining("'--nonsense'")])
    expect(of('again', 'STATE')).toEqual([state('active', 0, 0, 'success')])
  })

  test('lets it trace whom a client asks for, page by page', () => {
    expect(run.traced.faults.length).toBeGreaterThan(1)
    // One that copies and one that reuses, and some of stack and data.
    for (const faults of run.traced.faults) {
      expect(faults).toBeGreaterThanOrEqual(2 * PAGES)
      expect(faults).toBeLessThan(2 * PAGES + 50)
    }
  })

  test('lets it tell what a process that ran already had mapped', () => {
    expect(run.traced.frames).toBeGreaterThan(PAGES)
  })

  test('ends it in order, and leaves no socket', () => {
    expect(of('stopped', 'STATE')).toEqual([state('inactive', 0, 0, 'success')])
    expect(of('stopped', 'LEFT')).toEqual([])
    expect(run.status).toBe(0)
  })
})
