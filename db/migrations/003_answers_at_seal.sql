-- Schema 3: what people ask of a large recording is answered when it is closed, so that no question reads all of it.
--
-- Until then a recording of ten million events took seconds for the forks that cost most, the pages that were copied most, and
-- who takes references: each read every row. Now db/seal.sql keeps those answers in tables of their own, empty while a
-- recording is being written; the named queries read them where `recording.answered` says so, and conclude them otherwise: a
-- recording of an older schema has no answers, and is not changed to have them.
-- v_mm is told without a join, so that a question about one address space no longer looks at all of them.

-- 1 where the tables below are filled.
ALTER TABLE recording ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;

-- What each fork cost until the child ended; see db/queries/forks.sql.
CREATE TABLE fork_cost (
  fork           INTEGER PRIMARY KEY,
  parent_copies  INTEGER NOT NULL,
  child_copies   INTEGER NOT NULL,
  early          INTEGER NOT NULL,
  pages          INTEGER NOT NULL
) STRICT;

-- The pages that were copied most often.
CREATE TABLE hot_page (
  place    INTEGER PRIMARY KEY,
  mm       INTEGER NOT NULL,
  vpn      INTEGER NOT NULL,
  copies   INTEGER NOT NULL,
  pages    INTEGER NOT NULL,
  last_ns  INTEGER NOT NULL
) STRICT;

-- Who takes references, and for how long.
CREATE TABLE pin_taker (
  taker        TEXT NOT NULL,
  kind         TEXT NOT NULL,
  pins         INTEGER NOT NULL,
  pages        INTEGER NOT NULL,
  read_only    INTEGER NOT NULL,
  outstanding  INTEGER NOT NULL,
  longest_ns   INTEGER,
  median_ns    INTEGER,
  PRIMARY KEY (taker, kind)
) STRICT, WITHOUT ROWID;

-- What a sealed recording holds.
CREATE TABLE sealed_total (
  name   TEXT PRIMARY KEY,
  total  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP VIEW v_mm;
CREATE VIEW v_mm AS
SELECT m.mm, m.run, m.agent_mm, m.parent_mm, m.born_ns, m.born_by, m.ended_ns,
       coalesce((SELECT p.tgid FROM process p WHERE p.mm = m.mm ORDER BY p.process DESC LIMIT 1),
                (SELECT f.child_tgid FROM fork f WHERE f.child_mm = m.mm)) AS tgid,
       (SELECT p.comm FROM process p WHERE p.mm = m.mm ORDER BY p.process DESC LIMIT 1) AS comm
FROM mm m;

-- Process ids are used again, and hosts that were merged share them: whoever was in that address space, else who had the id.
DROP VIEW v_pin;
CREATE VIEW v_pin AS
SELECT p.pin, p.mm, m.run, p.tgid,
       coalesce((SELECT q.comm FROM process q WHERE q.mm = p.mm AND q.tgid = p.tgid ORDER BY q.process DESC LIMIT 1),
                (SELECT q.comm FROM process q WHERE q.tgid = p.tgid ORDER BY q.process DESC LIMIT 1)) AS comm,
       p.vpn, printf('0x%x', p.vpn << 12) AS address, p.pages, p.pfn,
       iif(p.foll & 4, 'pin', 'get') AS kind, p.foll & 1 AS write, p.foll >> 3 & 1 AS longterm,
       (SELECT group_concat(f.name, ' ') FROM word f WHERE f.topic = 'foll' AND f.number & p.foll) AS foll,
       nullif(s.taker, '') AS taker, p.from_ns, p.until_ns, e.name AS ended_by
FROM pin p
LEFT JOIN mm m ON m.mm = p.mm
LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
LEFT JOIN word e ON e.topic = 'pin-end' AND e.number = p.ended_by;

DROP VIEW v_finding;
CREATE VIEW v_finding AS
SELECT f.finding, f.rule, v.name AS verdict, f.count, f.first_ns, f.last_ns, f.mm, f.tgid,
       coalesce((SELECT p.comm FROM process p WHERE p.mm = f.mm AND p.tgid = f.tgid ORDER BY p.process DESC LIMIT 1),
                (SELECT p.comm FROM process p WHERE p.tgid = f.tgid ORDER BY p.process DESC LIMIT 1)) AS comm,
       printf('0x%x', e.vpn << 12) AS address, e.old_pfn AS pfn, f.size, f.cause, f.cause_tgid,
       e.reference_kind, e.reference_write, e.reference_longterm, e.reference_tgid, nullif(s.taker, '') AS taker, e.words
FROM finding f
LEFT JOIN evidence e ON e.finding = f.finding AND e.which = 'last'
LEFT JOIN stack s ON s.run = e.run AND s.stack = e.reference_stack
LEFT JOIN word v ON v.topic = 'verdict' AND v.number = f.verdict;

PRAGMA user_version = 3;
