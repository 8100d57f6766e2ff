-- Schema 9: vmas, and which of them and which code write faults and copies were in; and the counters of all processes.
--
-- `rate` told what a process did, not where. Now a row of write faults or copies at fork names the vma, and the call stack where one
-- was taken: `top --vmas` and `top --sites` ask it. Rows of one second and key add up as before; a recording of an older schema has 0
-- in both columns, which is: not known.

CREATE TABLE vma (
  vma        INTEGER PRIMARY KEY,
  mm         INTEGER NOT NULL,
  vpn        INTEGER NOT NULL,
  pages      INTEGER NOT NULL,
  flags      INTEGER NOT NULL,
  mapping    INTEGER NOT NULL,
  from_ns    INTEGER NOT NULL,
  from_seq   INTEGER NOT NULL,
  until_ns   INTEGER,
  until_seq  INTEGER
) STRICT;

ALTER TABLE rate ADD COLUMN vma INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rate ADD COLUMN stack INTEGER NOT NULL DEFAULT 0;

CREATE VIEW v_vma AS
SELECT v.vma, v.mm, m.tgid, m.comm, printf('0x%x', v.vpn << 12) AS address, printf('0x%x', (v.vpn + v.pages) << 12) AS end_address,
       v.pages,
       iif(v.mapping = 0, NULL, iif(v.mapping & 1, 'r', '-') || iif(v.mapping & 2, 'w', '-') || iif(v.mapping & 4, 'x', '-')
                                || iif(v.flags & 4096, 's', 'p')) AS rights,
       CASE WHEN v.flags & 524288 THEN 'hugetlb' WHEN v.mapping & 8 THEN 'file' WHEN v.mapping & 16 THEN 'stack'
            WHEN v.mapping & 32 THEN 'heap' WHEN v.flags & 4096 THEN 'shared' WHEN v.mapping THEN 'anon' END AS kind,
       v.from_ns, v.from_seq, coalesce(v.until_ns, m.ended_ns) AS until_ns
FROM vma v LEFT JOIN v_mm m ON m.mm = v.mm;

-- What every process did, traced or not, as the agent's counters stood last; process 0 has what is of no process that is named.
CREATE TABLE counter (
  run            INTEGER NOT NULL REFERENCES run,
  tgid           INTEGER NOT NULL,
  start_time_ns  INTEGER NOT NULL,
  comm           TEXT NOT NULL,
  ended          INTEGER NOT NULL,
  told_ns        INTEGER NOT NULL,
  faults         INTEGER NOT NULL,
  huge_faults    INTEGER NOT NULL,
  hugetlb_faults INTEGER NOT NULL,
  copies         INTEGER NOT NULL,
  unshares       INTEGER NOT NULL,
  reuses         INTEGER NOT NULL,
  copied_bytes   INTEGER NOT NULL,
  forks          INTEGER NOT NULL,
  fork_vmas      INTEGER NOT NULL,
  execs          INTEGER NOT NULL,
  unmaps         INTEGER NOT NULL,
  gups           INTEGER NOT NULL,
  gup_pages      INTEGER NOT NULL,
  pins_taken     INTEGER NOT NULL,
  pins_returned  INTEGER NOT NULL,
  swap_outs      INTEGER NOT NULL,
  swap_ins       INTEGER NOT NULL,
  ksm_merges     INTEGER NOT NULL,
  pmd_splits     INTEGER NOT NULL,
  folio_splits   INTEGER NOT NULL,
  collapses      INTEGER NOT NULL,
  migrations     INTEGER NOT NULL,
  PRIMARY KEY (run, tgid, start_time_ns)
) STRICT, WITHOUT ROWID;

DROP VIEW v_rate;
CREATE VIEW v_rate AS
SELECT r.second_ns, r.tgid, r.mm, k.name AS kind, o.name AS outcome, r.events, r.pages, r.vma, r.stack
FROM rate r
LEFT JOIN word k ON k.topic = 'kind' AND k.number = r.kind
LEFT JOIN word o ON o.topic = 'outcome' AND o.number = r.outcome;

PRAGMA user_version = 9;
