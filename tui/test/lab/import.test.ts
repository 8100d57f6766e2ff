/**
 * The same programs under the agent, and under the script for bpftrace: what was recorded and what was imported count the
 * same copies, reuses, forks and pins of them.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

import { jsonLines } from './guest-run.js'

const COWPATH = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const AGENT = fileURLToPath(new URL('../../../agent/', import.meta.url))
const run = promisify(execFile)
const LIMITS = { maxBuffer: 64 << 20 }

const WORKLOAD = 'cowfork 8 && pins uring 20 && pins readv 20 && pins vmsplice 5'

interface Write {
  readonly scenario: string
  readonly pid: number
  readonly vaddr: number
}
interface Told {
  readonly way: string
  readonly pid: number
  readonly vpn: number
  readonly pages: number
}
interface Counted {
  readonly number: number
}

async function lab(series: string, ...words: readonly string[]): Promise<string> {
  const args = [COWPATH, 'lab', '--kernel', series, '--memory', '1536M', ...words]
  return (await run(process.execPath, args, LIMITS)).stdout
}

async function count(db: string, sql: string): Promise<number> {
  const asked = `SELECT coalesce((${sql}), 0) AS number`
  const { stdout } = await run(process.execPath, [COWPATH, 'sql', db, asked, '--json'], LIMITS)
  return jsonLines<Counted>(stdout, 'number')[0].number
}

/** What a recording says of the pages that the programs named. */
async function counts(db: string, output: string): Promise<Readonly<Record<string, number>>> {
  const writes = jsonLines<Write>(output, 'scenario')
  const pages = writes.map(({ pid, vaddr }) => `(tgid = ${pid} AND vpn = ${vaddr / 4096})`).join(' OR ')
  const of = (topic: string, name: string) =>
    `(SELECT number FROM word WHERE topic = '${topic}' AND name = '${name}')`
  const faults = (outcome: string) =>
    count(
      db,
      `SELECT count(*) FROM event WHERE kind = ${of('kind', 'wp-fault')} AND outcome = ${of('outcome', outcome)} AND (${pages})`,
    )
  const found: Record<string, number> = {
    copies: await faults('copy'),
    reuses: await faults('reuse'),
    forks: await count(db, `SELECT count(*) FROM fork WHERE parent_tgid = ${writes[0].pid}`),
  }
  for (const { way, pid, vpn, pages: n } of jsonLines<Told>(output, 'way')) {
    const taken = `FROM v_pin WHERE tgid = ${pid} AND vpn >= ${vpn} AND vpn < ${vpn + n}`
    found[`${way} pages`] = await count(db, `SELECT sum(pages) ${taken}`)
    found[`${way} pins given back`] = await count(db, `SELECT sum(pages) ${taken} AND ended_by = 'unpinned'`)
  }
  return found
}

test.each(['6.1', '6.12'])(
  'on %s what is imported counts what the agent recorded',
  async (series) => {
    const folder = mkdtempSync(join(tmpdir(), 'cowpath-test-'))
    const agents = join(folder, 'agent.db')
    const recorded = await lab(series, '--record', agents, '--run', WORKLOAD)

    const imported = join(folder, 'imported.db')
    const brought = ['bpftrace/cowpath.bt', 'lab/users/bpftrace.sh'].flatMap((file) => [
      '--add',
      AGENT + file,
    ])
    const printed = await lab(
      series,
      ...['--no-agent', '--disk', 'bpftrace', ...brought],
      ...['--run', `sh /bin/bpftrace.sh '${WORKLOAD}'`],
    )
    const [own, script] = printed.split('\nBPFTRACE\n')
    writeFileSync(join(folder, 'run.json'), script.replace(/\nEND\n[^]*$/, '\n'))
    await run(process.execPath, [COWPATH, 'import', join(folder, 'run.json'), '-o', imported])

    const expected = await counts(agents, recorded)
    expect(expected).toMatchObject({ copies: 16, reuses: 16, forks: 1, 'uring pages': 20 })
    expect(await counts(imported, own)).toEqual(expected)
    expect(await count(imported, 'SELECT count(*) FROM gap')).toBe(0)
  },
  // bpftrace loads its programs for a minute or two under emulation.
  600_000,
)
