import type Database from 'better-sqlite3'

/** What a recording may hold. Without a bound nothing is ever removed. */
export interface Keep {
  /** Events and facts that ended longer ago than this, before the newest event, go. */
  readonly keepNs?: number
  /** The file's size on disk, bytes, with the indexes that sealing adds. */
  readonly maxBytes?: number
}

export function isBounded({ keepNs, maxBytes }: Keep): boolean {
  return keepNs !== undefined || maxBytes !== undefined
}

/** Rows of one table, and blocks of events, that one statement looks at. */
const ROWS_A_STEP = 20_000
const BLOCKS_A_STEP = 16
/** What a block costs to remove, in rows. */
const ROWS_A_BLOCK = 1_000
/** Rows looked at with each chunk, for each row that it adds and besides: more goes than comes, and no chunk waits long. */
const ROWS_A_ROW = 3
/** A sweep begins when this share of what is kept has become too old. */
const SLACK = 1 / 16
/** The share of the oldest blocks that goes at least when the file has become too large. */
const TOO_LARGE_SHARE = 1 / 8
/** Of `maxBytes`, while it is written: sealing adds indexes, and the WAL stands beside the file. */
const UNSEALED_SHARE = 0.6

/** One table: whose rows begin in the order of their ids, and which of them are over and belong to no finding. */
interface Swept {
  readonly table: string
  readonly began: string
  readonly isOver: string
  /** What is to be done of the rows that survive. */
  readonly then?: string
}

/** In this order: what a finding is about stays whole, its pages, their frames and how they came about. */
const SWEPT: readonly Swept[] = [
  {
    table: 'mapping',
    began: 'from_ns',
    isOver: 'until_ns < :cutoff AND (mm, vpn) NOT IN (SELECT mm, vpn FROM temp.kept_page)',
    then: `INSERT OR IGNORE INTO temp.kept_frame SELECT frame FROM mapping
               WHERE rowid > :after AND rowid <= :until AND (mm, vpn) IN (SELECT mm, vpn FROM temp.kept_page)`,
  },
  {
    table: 'frame',
    began: 'seen_ns',
    isOver: 'freed_ns < :cutoff AND frame NOT IN (SELECT frame FROM temp.kept_frame)',
  },
  {
    table: 'other_edge',
    began: 'at_ns',
    isOver: `at_ns < :cutoff AND from_frame NOT IN (SELECT frame FROM temp.kept_frame)
             AND to_frame NOT IN (SELECT frame FROM temp.kept_frame)`,
  },
  {
    table: 'pin',
    began: 'from_ns',
    isOver: 'until_ns < :cutoff AND pin NOT IN (SELECT pin FROM temp.kept_pin)',
    then: `INSERT OR IGNORE INTO temp.kept_mm SELECT mm FROM pin WHERE rowid > :after AND rowid <= :until`,
  },
  { table: 'rate', began: 'second_ns', isOver: 'second_ns < :cutoff - 1000000000' },
  {
    table: 'vma',
    began: 'from_ns',
    // The last one stays: the next row has the next number.
    isOver:
      'coalesce(until_ns, (SELECT ended_ns FROM mm WHERE mm.mm = vma.mm)) < :cutoff AND vma < (SELECT max(vma) FROM vma)',
  },
  { table: 'agent_load', began: 'time_ns', isOver: 'time_ns < :cutoff' },
  {
    table: 'mm',
    began: 'born_ns',
    isOver: 'ended_ns < :cutoff AND mm NOT IN (SELECT mm FROM temp.kept_mm)',
  },
  {
    table: 'fork',
    began: 'at_ns',
    // The last one stays: the next row has the next number.
    isOver: 'at_ns < :cutoff AND child_mm NOT IN (SELECT mm FROM mm) AND fork < (SELECT max(fork) FROM fork)',
    then: 'DELETE FROM fork_cost WHERE fork > :after AND fork <= :until AND fork NOT IN (SELECT fork FROM fork)',
  },
  {
    table: 'process',
    began: 'seen_ns',
    isOver: 'seen_ns < :cutoff AND mm IS NOT NULL AND mm NOT IN (SELECT mm FROM mm)',
  },
]

/**
 * Removes the oldest of what a recording holds while it is written, a little with each chunk, in the chunk's transaction.
 * Findings, their evidence, and the history of the pages that they are about stay. What went is told in `gap` as
 * `retention`, one row a run. Room is used again, and what is left of it given back when the recording is sealed.
 */
export class Retention {
  readonly #db: Database.Database
  readonly #keep: Keep
  #cutoffNs: number | undefined
  #table = -1
  #after = 0

  constructor(db: Database.Database, keep: Keep) {
    this.#db = db
    this.#keep = keep
    db.exec(`CREATE TEMP TABLE kept_page (mm INTEGER, vpn INTEGER, PRIMARY KEY (mm, vpn)) WITHOUT ROWID;
             CREATE TEMP TABLE kept_frame (frame INTEGER PRIMARY KEY);
             CREATE TEMP TABLE kept_pin (pin INTEGER PRIMARY KEY);
             CREATE TEMP TABLE kept_mm (mm INTEGER PRIMARY KEY)`)
  }

  /** Does the next part of the work, if there is any, beside a chunk that adds so many rows. */
  step(added: number): void {
    this.#cutoffNs ??= this.#begun()
    for (let left = ROWS_A_STEP + ROWS_A_ROW * added; left > 0 && this.#cutoffNs !== undefined;)
      left -= this.#table < 0 ? this.#blocks(this.#cutoffNs) : this.#rows(SWEPT[this.#table], this.#cutoffNs)
  }

  /** Before when all that is over goes; undefined: nothing is too old, and the file is small enough. */
  #begun(): number | undefined {
    const cutoffNs = Math.max(this.#tooOld(), this.#tooLarge())
    if (cutoffNs <= 0) return undefined
    this.#db.exec(`
      DELETE FROM temp.kept_page; DELETE FROM temp.kept_frame; DELETE FROM temp.kept_pin; DELETE FROM temp.kept_mm;
      INSERT OR IGNORE INTO temp.kept_page SELECT mm, vpn FROM evidence;
      INSERT OR IGNORE INTO temp.kept_page SELECT reference_mm, reference_vpn FROM evidence WHERE reference_mm IS NOT NULL;
      INSERT OR IGNORE INTO temp.kept_pin SELECT pin FROM evidence WHERE pin IS NOT NULL;
      INSERT OR IGNORE INTO temp.kept_mm SELECT mm FROM temp.kept_page`)
    this.#table = -1
    this.#after = 0
    return cutoffNs
  }

  #tooOld(): number {
    const { keepNs } = this.#keep
    if (keepNs === undefined) return 0
    const [oldest, newest] = ['ASC', 'DESC'].map((order) => this.#blockEnd(order))
    return newest - oldest > keepNs * (1 + SLACK) ? newest - keepNs : 0
  }

  #tooLarge(): number {
    const { maxBytes } = this.#keep
    if (maxBytes === undefined) return 0
    const over = 1 - (maxBytes * UNSEALED_SHARE) / this.#usedBytes()
    if (over <= 0) return 0
    return (
      this.#number(
        `SELECT until_ns FROM event_block
         WHERE block >= (SELECT min(block) + (max(block) - min(block)) * ? FROM event_block)
         ORDER BY block LIMIT 1`,
        Math.max(over, TOO_LARGE_SHARE),
      ) ?? 0
    )
  }

  #usedBytes(): number {
    const pragma = (name: string) => Number(this.#db.pragma(name, { simple: true }))
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }

  #blockEnd(order: string): number {
    return this.#number(`SELECT until_ns FROM event_block ORDER BY block ${order} LIMIT 1`) ?? 0
  }

  /** Returns what it cost, in rows. */
  #blocks(cutoffNs: number): number {
    const until = this.#number(
      `SELECT max(block) FROM (SELECT block, until_ns FROM event_block ORDER BY block LIMIT ${BLOCKS_A_STEP})
       WHERE until_ns < ?`,
      cutoffNs,
    )
    if (until === undefined) {
      this.#table = 0
      this.#after = 0
      return ROWS_A_BLOCK
    }
    this.#tell(until)
    this.#run('DELETE FROM event_block WHERE block <= :until', { until })
    return BLOCKS_A_STEP * ROWS_A_BLOCK
  }

  /** Adds blocks up to `until`, which go now, to what the recording says that it had. */
  #tell(until: number): void {
    this.#run(
      `INSERT INTO gap (run, reason, leg, events, first_seq, last_seq, from_ns, until_ns, after_seq)
       SELECT DISTINCT b.run, 'retention', '', 0, b.first_seq, b.first_seq, b.from_ns, b.from_ns, 0
       FROM event_block b
       WHERE b.block = (SELECT min(a.block) FROM event_block a WHERE a.run = b.run) AND b.block <= :until
         AND NOT EXISTS (SELECT 1 FROM gap g WHERE g.run = b.run AND g.reason = 'retention')`,
      { until },
    )
    this.#run(
      `UPDATE gap SET events = gap.events + went.events, last_seq = max(gap.last_seq, went.last_seq),
                      until_ns = max(gap.until_ns, went.until_ns)
       FROM (SELECT run, sum(events) AS events, max(last_seq) AS last_seq, max(until_ns) AS until_ns
             FROM event_block WHERE block <= :until GROUP BY run) went
       WHERE gap.run = went.run AND gap.reason = 'retention'`,
      { until },
    )
  }

  /** Returns how many it looked at, at most. */
  #rows({ table, began, isOver, then }: Swept, cutoff: number): number {
    const after = this.#after
    const until = this.#number(
      `SELECT max(rowid) FROM (SELECT rowid FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ${ROWS_A_STEP})`,
      after,
    )
    const isLast =
      until === undefined ||
      (this.#number(`SELECT ${began} FROM ${table} WHERE rowid = ?`, until) ?? Infinity) >= cutoff
    if (until !== undefined) {
      this.#run(`DELETE FROM ${table} WHERE rowid > :after AND rowid <= :until AND ${isOver}`, {
        after,
        until,
        cutoff,
      })
      if (then !== undefined) this.#run(then, { after, until })
      this.#after = until
    }
    if (isLast) this.#next()
    return ROWS_A_STEP
  }

  #next(): void {
    this.#table++
    this.#after = 0
    if (this.#table < SWEPT.length) return
    this.#table = -1
    this.#cutoffNs = undefined
  }

  #number(sql: string, ...values: readonly number[]): number | undefined {
    return (
      this.#db
        .prepare<number[], number | null>(sql)
        .pluck()
        .get(...values) ?? undefined
    )
  }

  #run(sql: string, values: Readonly<Record<string, number>>): void {
    const statement = this.#db.prepare(sql)
    const wanted = Object.entries(values).filter(([name]) => sql.includes(`:${name}`))
    statement.run(Object.fromEntries(wanted))
  }
}
