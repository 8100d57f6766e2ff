-- Schema 2: pins, what the rules found with its evidence, kernel stacks, and what the history met that cannot be.

-- A reference that GUP took on a run of pages. Many, as slots are: no secondary index before db/seal.sql.
CREATE TABLE pin (
  pin        INTEGER PRIMARY KEY,
  mm         INTEGER NOT NULL,
  vpn        INTEGER NOT NULL,
  pages      INTEGER NOT NULL,
  pfn        INTEGER NOT NULL,
  foll       INTEGER NOT NULL,
  tgid       INTEGER NOT NULL,
  tid        INTEGER NOT NULL,
  stack      INTEGER NOT NULL,
  call       INTEGER NOT NULL,
  from_ns    INTEGER NOT NULL,
  from_seq   INTEGER NOT NULL,
  until_ns   INTEGER,
  until_seq  INTEGER,
  ended_by   INTEGER
) STRICT;

CREATE TABLE finding (
  finding     INTEGER PRIMARY KEY,
  rule        TEXT NOT NULL,
  verdict     INTEGER NOT NULL,
  count       INTEGER NOT NULL,
  first_ns    INTEGER NOT NULL,
  last_ns     INTEGER NOT NULL,
  mm          INTEGER NOT NULL,
  tgid        INTEGER NOT NULL,
  size        TEXT NOT NULL,
  cause       TEXT NOT NULL,
  cause_tgid  INTEGER NOT NULL
) STRICT;

CREATE TABLE evidence (
  finding             INTEGER NOT NULL REFERENCES finding ON DELETE CASCADE,
  which               TEXT NOT NULL CHECK (which IN ('first', 'last')),
  run                 INTEGER NOT NULL,
  seq                 INTEGER NOT NULL,
  time_ns             INTEGER NOT NULL,
  kind                INTEGER NOT NULL,
  outcome             INTEGER NOT NULL,
  tgid                INTEGER NOT NULL,
  tid                 INTEGER NOT NULL,
  mm                  INTEGER NOT NULL,
  vpn                 INTEGER NOT NULL,
  old_pfn             INTEGER NOT NULL,
  new_pfn             INTEGER NOT NULL,
  flags               INTEGER NOT NULL,
  refcount            INTEGER NOT NULL,
  mapcount            INTEGER NOT NULL,
  pincount            INTEGER NOT NULL,
  pin                 INTEGER,
  reference_kind      TEXT,
  reference_write     INTEGER,
  reference_longterm  INTEGER,
  reference_stack     INTEGER,
  reference_tgid      INTEGER,
  reference_mm        INTEGER,
  reference_vpn       INTEGER,
  reference_taken_ns  INTEGER,
  words               TEXT NOT NULL,
  PRIMARY KEY (finding, which)
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_count (
  run      INTEGER NOT NULL REFERENCES run,
  rule     TEXT NOT NULL,
  size     TEXT NOT NULL,
  checked  INTEGER NOT NULL,
  held     INTEGER NOT NULL,
  broken   INTEGER NOT NULL,
  unknown  INTEGER NOT NULL,
  PRIMARY KEY (run, rule, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE anomaly (
  run        INTEGER NOT NULL,
  name       TEXT NOT NULL,
  count      INTEGER NOT NULL,
  first_ns   INTEGER NOT NULL,
  first_seq  INTEGER NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stack (
  run     INTEGER NOT NULL REFERENCES run,
  stack   INTEGER NOT NULL,
  taker   TEXT NOT NULL,
  frames  TEXT NOT NULL,
  PRIMARY KEY (run, stack)
) STRICT, WITHOUT ROWID;

-- Where in the stream it was told: whoever concludes again from the events meets it there again.
ALTER TABLE gap ADD COLUMN after_seq INTEGER;

INSERT INTO word (topic, number, name) VALUES
  ('cause', 12, 'swap-out'), ('cause', 13, 'swap-in'), ('cause', 14, 'migrate'), ('cause', 15, 'ksm-merge'),
  ('cause', 16, 'remap'), ('cause', 17, 'collapse'), ('cause', 18, 'snapshot'), ('cause', 19, 'exec'),
  ('cause', 20, 'forgotten'),
  ('edge', 4, 'migrate'), ('edge', 5, 'swap'), ('edge', 6, 'collapse'), ('edge', 7, 'split'), ('edge', 8, 'ksm'),
  ('foll', 1, 'write'), ('foll', 2, 'get'), ('foll', 4, 'pin'), ('foll', 8, 'longterm'), ('foll', 16, 'force'),
  ('foll', 32, 'remote'), ('foll', 64, 'nowait'), ('foll', 128, 'fast-only'), ('foll', 256, 'nofault'),
  ('foll', 512, 'split-pmd'), ('foll', 1024, 'dump'), ('foll', 4096, 'fast'),
  ('pin-end', 1, 'unpinned'), ('pin-end', 2, 'frame-freed'), ('pin-end', 3, 'forgotten'),
  ('verdict', 0, 'unknown'), ('verdict', 1, 'measured'), ('verdict', 2, 'advice'), ('verdict', 3, 'self-inflicted'),
  ('verdict', 4, 'hazard'), ('verdict', 5, 'violation');

CREATE VIEW v_pin AS
SELECT p.pin, p.mm, m.run, p.tgid,
       (SELECT q.comm FROM process q WHERE q.tgid = p.tgid ORDER BY q.process DESC LIMIT 1) AS comm,
       p.vpn, printf('0x%x', p.vpn << 12) AS address, p.pages, p.pfn,
       iif(p.foll & 4, 'pin', 'get') AS kind, p.foll & 1 AS write, p.foll >> 3 & 1 AS longterm,
       (SELECT group_concat(f.name, ' ') FROM word f WHERE f.topic = 'foll' AND f.number & p.foll) AS foll,
       nullif(s.taker, '') AS taker, p.from_ns, p.until_ns, e.name AS ended_by
FROM pin p
LEFT JOIN mm m ON m.mm = p.mm
LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
LEFT JOIN word e ON e.topic = 'pin-end' AND e.number = p.ended_by;

CREATE VIEW v_finding AS
SELECT f.finding, f.rule, v.name AS verdict, f.count, f.first_ns, f.last_ns, f.mm, f.tgid,
       (SELECT p.comm FROM process p WHERE p.tgid = f.tgid ORDER BY p.process DESC LIMIT 1) AS comm,
       printf('0x%x', e.vpn << 12) AS address, e.old_pfn AS pfn, f.size, f.cause, f.cause_tgid,
       e.reference_kind, e.reference_write, e.reference_longterm, e.reference_tgid, nullif(s.taker, '') AS taker, e.words
FROM finding f
LEFT JOIN evidence e ON e.finding = f.finding AND e.which = 'last'
LEFT JOIN stack s ON s.run = e.run AND s.stack = e.reference_stack
LEFT JOIN word v ON v.topic = 'verdict' AND v.number = f.verdict;

PRAGMA user_version = 2;
