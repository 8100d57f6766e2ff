-- Schema 1: one recording of one or several runs of agents.
--
-- Plain tables for what people ask; the events they were concluded from are packed into blocks. There is no secondary
-- index here: db/seal.sql makes them when the recording is closed. Every table and column is told in db/README.md.
-- Times are ns since the boot of the traced host. `seq` names the event that is the evidence, within its run.

-- 'cowp': so that file(1), sqlite3 and we know whose database this is.
PRAGMA application_id = 0x636f7770;

CREATE TABLE recording (
  recording        INTEGER PRIMARY KEY CHECK (recording = 1),
  created_wall_ms  INTEGER NOT NULL,
  sealed           INTEGER NOT NULL
) STRICT;

CREATE TABLE host (
  host                  INTEGER PRIMARY KEY,
  hostname              TEXT NOT NULL,
  kernel_release        TEXT NOT NULL,
  kernel_version        TEXT NOT NULL,
  kernel_boot_id        TEXT NOT NULL,
  cpus                  INTEGER NOT NULL,
  page_size_bytes       INTEGER NOT NULL,
  UNIQUE (kernel_boot_id, hostname)
) STRICT;

CREATE TABLE run (
  run                   INTEGER PRIMARY KEY,
  host                  INTEGER NOT NULL REFERENCES host,
  boot_id               TEXT NOT NULL UNIQUE,
  agent_version         TEXT NOT NULL,
  wall_clock_offset_ns  INTEGER NOT NULL,
  first_seq             INTEGER NOT NULL
) STRICT;

CREATE TABLE leg (
  run        INTEGER NOT NULL REFERENCES run,
  name       TEXT NOT NULL,
  attached   INTEGER NOT NULL,
  hook       TEXT NOT NULL,
  reasons    TEXT NOT NULL,
  seen       INTEGER NOT NULL,
  submitted  INTEGER NOT NULL,
  ring_full  INTEGER NOT NULL,
  filtered   INTEGER NOT NULL,
  throttled  INTEGER NOT NULL,
  missed     INTEGER NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_load (
  run              INTEGER NOT NULL REFERENCES run,
  time_ns          INTEGER NOT NULL,
  last_seq         INTEGER NOT NULL,
  ring_used_bytes  INTEGER NOT NULL,
  ring_size_bytes  INTEGER NOT NULL,
  resident_bytes   INTEGER NOT NULL,
  cpu_ns           INTEGER NOT NULL
) STRICT;

CREATE TABLE process (
  process        INTEGER PRIMARY KEY,
  tgid           INTEGER NOT NULL,
  parent_tgid    INTEGER NOT NULL,
  mm             INTEGER,
  comm           TEXT NOT NULL,
  start_time_ns  INTEGER NOT NULL,
  seen_ns        INTEGER NOT NULL
) STRICT;

CREATE TABLE mm (
  mm         INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES run,
  agent_mm   INTEGER NOT NULL,
  parent_mm  INTEGER,
  born_ns    INTEGER NOT NULL,
  born_by    TEXT NOT NULL,
  ended_ns   INTEGER,
  ended_seq  INTEGER
) STRICT;

CREATE TABLE fork (
  fork         INTEGER PRIMARY KEY,
  parent_mm    INTEGER NOT NULL,
  child_mm     INTEGER NOT NULL,
  parent_tgid  INTEGER NOT NULL,
  child_tgid   INTEGER NOT NULL,
  at_ns        INTEGER NOT NULL,
  seq          INTEGER NOT NULL
) STRICT;

CREATE TABLE frame (
  frame        INTEGER PRIMARY KEY,
  pfn          INTEGER NOT NULL,
  folio_order  INTEGER NOT NULL,
  kind         INTEGER NOT NULL,
  seen_ns      INTEGER NOT NULL,
  seen_seq     INTEGER NOT NULL,
  freed_ns     INTEGER,
  freed_seq    INTEGER
) STRICT;

CREATE TABLE slot (
  slot         INTEGER PRIMARY KEY,
  mm           INTEGER NOT NULL,
  vpn          INTEGER NOT NULL,
  frame        INTEGER NOT NULL,
  from_ns      INTEGER NOT NULL,
  from_cause   INTEGER NOT NULL,
  from_seq     INTEGER NOT NULL,
  certain      INTEGER NOT NULL,
  until_ns     INTEGER,
  until_cause  INTEGER,
  until_seq    INTEGER
) STRICT;

CREATE TABLE edge (
  edge        INTEGER PRIMARY KEY,
  kind        INTEGER NOT NULL,
  from_frame  INTEGER NOT NULL,
  to_frame    INTEGER NOT NULL,
  mm          INTEGER NOT NULL,
  vpn         INTEGER NOT NULL,
  at_ns       INTEGER NOT NULL,
  seq         INTEGER NOT NULL
) STRICT;

CREATE TABLE gap (
  gap        INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES run,
  reason     TEXT NOT NULL,
  leg        TEXT NOT NULL,
  events     INTEGER NOT NULL,
  first_seq  INTEGER NOT NULL,
  last_seq   INTEGER NOT NULL,
  from_ns    INTEGER NOT NULL,
  until_ns   INTEGER NOT NULL
) STRICT;

CREATE TABLE rate (
  second_ns  INTEGER NOT NULL,
  tgid       INTEGER NOT NULL,
  mm         INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  outcome    INTEGER NOT NULL,
  events     INTEGER NOT NULL,
  pages      INTEGER NOT NULL
) STRICT;

CREATE TABLE event_block (
  block      INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES run,
  first_seq  INTEGER NOT NULL,
  last_seq   INTEGER NOT NULL,
  from_ns    INTEGER NOT NULL,
  until_ns   INTEGER NOT NULL,
  events     INTEGER NOT NULL,
  codec      INTEGER NOT NULL,
  data       BLOB NOT NULL
) STRICT;

-- Numbers in words, so that sqlite3 alone can read a recording.
CREATE TABLE word (
  topic   TEXT NOT NULL,
  number  INTEGER NOT NULL,
  name    TEXT NOT NULL,
  PRIMARY KEY (topic, number)
) STRICT, WITHOUT ROWID;

INSERT INTO word (topic, number, name) VALUES
  ('cause', 0, 'seen'), ('cause', 1, 'copy'), ('cause', 2, 'unshare'), ('cause', 3, 'reuse'), ('cause', 4, 'fork'),
  ('cause', 5, 'fork-copy'), ('cause', 6, 'anon-new'), ('cause', 7, 'unmap'), ('cause', 8, 'mm-exit'),
  ('cause', 9, 'frame-free'), ('cause', 10, 'contradicted'), ('cause', 11, 'shared'),
  ('edge', 1, 'copy'), ('edge', 2, 'unshare'), ('edge', 3, 'fork-copy'),
  ('frame', 0, 'unknown'), ('frame', 1, 'anon'), ('frame', 2, 'file'), ('frame', 3, 'ksm'), ('frame', 4, 'hugetlb'),
  ('frame', 5, 'zero'),
  ('kind', 0, 'unspecified'), ('kind', 1, 'wp-fault'), ('kind', 2, 'huge-wp'), ('kind', 3, 'fork'),
  ('kind', 4, 'fork-vma'), ('kind', 5, 'fork-copy'), ('kind', 6, 'unmap'), ('kind', 7, 'exec'), ('kind', 8, 'mm-exit'),
  ('kind', 9, 'frame-free'), ('kind', 10, 'anon-new'), ('kind', 11, 'hugetlb-wp'), ('kind', 12, 'gup'),
  ('kind', 13, 'unpin'), ('kind', 14, 'wrprotect'), ('kind', 15, 'uffd-message'), ('kind', 16, 'pmd-split'),
  ('kind', 17, 'folio-split'), ('kind', 18, 'collapse'), ('kind', 19, 'swap-out'), ('kind', 20, 'swap-in'),
  ('kind', 21, 'migrate'), ('kind', 22, 'ksm-merge'), ('kind', 23, 'ksm-break'), ('kind', 24, 'remap'),
  ('kind', 25, 'snapshot'),
  ('outcome', 0, 'none'), ('outcome', 1, 'reuse'), ('outcome', 2, 'copy'), ('outcome', 3, 'unshare'),
  ('outcome', 4, 'unshare-noop'), ('outcome', 5, 'shared'), ('outcome', 6, 'uffd'), ('outcome', 7, 'retry'),
  ('outcome', 8, 'fallback'), ('outcome', 9, 'failed');

-- Whose an address space is: the process that was last seen in it.
CREATE VIEW v_mm AS
SELECT m.mm, m.run, m.agent_mm, m.parent_mm, m.born_ns, m.born_by, m.ended_ns,
       coalesce(p.tgid, (SELECT f.child_tgid FROM fork f WHERE f.child_mm = m.mm)) AS tgid,
       p.comm
FROM mm m LEFT JOIN process p ON p.process = (SELECT max(q.process) FROM process q WHERE q.mm = m.mm);

CREATE VIEW v_page_history AS
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, printf('0x%x', s.vpn << 12) AS address, s.frame, f.pfn, f.folio_order,
       s.from_ns, fc.name AS from_cause, s.from_seq, s.until_ns, uc.name AS until_cause, s.until_seq, s.certain, m.run
FROM slot s
JOIN frame f ON f.frame = s.frame
LEFT JOIN v_mm m ON m.mm = s.mm
LEFT JOIN word fc ON fc.topic = 'cause' AND fc.number = s.from_cause
LEFT JOIN word uc ON uc.topic = 'cause' AND uc.number = s.until_cause;

CREATE VIEW v_lineage AS
SELECT e.edge, k.name AS kind, e.from_frame, a.pfn AS from_pfn, e.to_frame, b.pfn AS to_pfn, e.mm, e.vpn,
       printf('0x%x', e.vpn << 12) AS address, e.at_ns, e.seq
FROM edge e
LEFT JOIN frame a ON a.frame = e.from_frame
LEFT JOIN frame b ON b.frame = e.to_frame
LEFT JOIN word k ON k.topic = 'edge' AND k.number = e.kind;

CREATE VIEW v_copies AS
SELECT e.at_ns, m.tgid, m.comm, e.mm, printf('0x%x', e.vpn << 12) AS address, k.name AS kind, a.pfn AS from_pfn,
       b.pfn AS to_pfn, (SELECT h.page_size_bytes FROM run r JOIN host h USING (host) WHERE r.run = m.run)
         << b.folio_order AS copied_bytes
FROM edge e
JOIN frame a ON a.frame = e.from_frame
JOIN frame b ON b.frame = e.to_frame
LEFT JOIN v_mm m ON m.mm = e.mm
LEFT JOIN word k ON k.topic = 'edge' AND k.number = e.kind;

CREATE VIEW v_rate AS
SELECT r.second_ns, r.tgid, r.mm, k.name AS kind, o.name AS outcome, r.events, r.pages
FROM rate r
LEFT JOIN word k ON k.topic = 'kind' AND k.number = r.kind
LEFT JOIN word o ON o.topic = 'outcome' AND o.number = r.outcome;

PRAGMA user_version = 1;
