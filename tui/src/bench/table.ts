/** Benchmarks print tables and assert nothing: clocks on shared machines are noisy, ratios within one run are not. */

export interface Row {
  readonly what: string
  readonly figure: string
  /** Beside what ceiling or peer, measured in the same run. */
  readonly beside?: string
}

export function printTable(title: string, rows: readonly Row[]): void {
  const width = Math.max(...rows.map((row) => row.what.length))
  const figures = Math.max(...rows.map((row) => row.figure.length))
  const lines = rows.map((row) =>
    `  ${row.what.padEnd(width)}  ${row.figure.padStart(figures)}  ${row.beside ?? ''}`.trimEnd(),
  )
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`)
}

export function perSecond(events: number, seconds: number): string {
  return `${(events / seconds / 1e6).toFixed(2)} M/s`
}

/** Median seconds of `runs` runs of `work`, after one that warms up. */
export async function medianSeconds(runs: number, work: () => unknown): Promise<number> {
  await work()
  const seconds: number[] = []
  for (let run = 0; run < runs; run++) {
    const from = process.hrtime.bigint()
    await work()
    seconds.push(Number(process.hrtime.bigint() - from) / 1e9)
  }
  seconds.sort((a, b) => a - b)
  return seconds[seconds.length >> 1]
}
