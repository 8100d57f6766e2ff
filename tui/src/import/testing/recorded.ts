/** Test support: what cowpath.bt printed in the lab, under bpftrace 0.23.2 of Debian 13. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { StreamItem } from '../../model/events.js'
import { Imported, type ImportCounts } from '../imported.js'

/**
 * `cowfork 2 && pins uring 3 && pins readv 3 && pins vmsplice 5` on that kernel. What cowfork said of itself: parent and
 * child copied two pages each and reused two each. That of 6.1 was recorded before the script said `ready`.
 */
export function recordedLines(series: '6.1' | '6.12'): readonly string[] {
  const file = new URL(`../../../../agent/bpftrace/recorded/${series}.json.gz`, import.meta.url)
  return gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n')
}

export interface Result {
  readonly items: readonly StreamItem[]
  readonly counts: ImportCounts
}

export function imported(lines: Iterable<string | undefined>): Result {
  const importing = new Imported()
  const items: StreamItem[] = []
  for (const line of lines) items.push(...importing.take(line))
  items.push(...importing.finish())
  return { items, counts: importing.counts }
}
