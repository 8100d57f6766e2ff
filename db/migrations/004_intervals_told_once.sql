-- Schema 4: what happens to a page is written once, and not again when it is over.
--
-- Until then a copy made three rows (a frame, a slot interval, an edge) with the same time, page and event in each, an interval
-- was looked up again to write its end, and a fork made a row for each page that it shared. A recording took 125 bytes an event.
-- Now
-- - the row of a frame also says which page was the first to map it, and of which frame it was copied;
-- - `shared` holds what a fork shared: neighbouring pages are one row, within 32 aligned ones, their frames a JSON array;
-- - `mapping` holds all other intervals;
-- - the end of an interval is where the next of the same page begins, or where the address space ends, and is not written; an
--   end that neither says is in `ending`;
-- - `other_edge` holds the edges that are no copy for a page.
-- A recording that is bounded (--keep, --max-size) removes what is over, and so has each interval in `mapping`, with its end.
--
-- `slot` and `edge` are views now: the same intervals and edges as before, but that edges have no number.
-- Rows of older schemas are valid as they are.

DROP VIEW v_page_history;
DROP VIEW v_lineage;
DROP VIEW v_copies;

ALTER TABLE slot RENAME TO mapping;
ALTER TABLE edge RENAME TO other_edge;

ALTER TABLE frame ADD COLUMN slot INTEGER;
ALTER TABLE frame ADD COLUMN mm INTEGER;
ALTER TABLE frame ADD COLUMN vpn INTEGER;
ALTER TABLE frame ADD COLUMN cause INTEGER;
ALTER TABLE frame ADD COLUMN origin INTEGER;

CREATE TABLE ending (
  slot         INTEGER PRIMARY KEY,
  mm           INTEGER NOT NULL,
  until_ns     INTEGER NOT NULL,
  until_cause  INTEGER NOT NULL,
  until_seq    INTEGER NOT NULL
) STRICT;

CREATE TABLE shared (
  slot       INTEGER PRIMARY KEY,
  slot_step  INTEGER NOT NULL,
  mm         INTEGER NOT NULL,
  vpn        INTEGER NOT NULL,
  pages      INTEGER NOT NULL,
  frame_list TEXT NOT NULL,
  from_ns    INTEGER NOT NULL,
  from_seq   INTEGER NOT NULL,
  certain    INTEGER NOT NULL
) STRICT;

CREATE VIEW slot AS
WITH told AS (
  SELECT slot, mm, vpn, frame, seen_ns AS from_ns, cause AS from_cause, seen_seq AS from_seq, 1 AS certain,
         NULL AS until_ns, NULL AS until_cause, NULL AS until_seq
  FROM frame WHERE slot IS NOT NULL
  UNION ALL
  SELECT slot, mm, vpn, frame, from_ns, from_cause, from_seq, certain, until_ns, until_cause, until_seq FROM mapping
  UNION ALL
  SELECT h.slot + h.slot_step * j.key, h.mm, h.vpn + j.key, j.value, h.from_ns, 4, h.from_seq, h.certain, NULL, NULL, NULL
  FROM shared h CROSS JOIN json_each(h.frame_list) j
),
followed AS (
  SELECT *, lead(from_ns) OVER page AS next_ns, lead(from_cause) OVER page AS next_cause, lead(from_seq) OVER page AS next_seq
  FROM told
  WINDOW page AS (PARTITION BY mm, vpn ORDER BY slot)
)
SELECT f.slot, f.mm, f.vpn, f.frame, f.from_ns, f.from_cause, f.from_seq, f.certain,
       coalesce(f.until_ns, e.until_ns, f.next_ns, max(m.ended_ns, f.from_ns)) AS until_ns,
       coalesce(f.until_cause, e.until_cause, f.next_cause, iif(m.ended_ns IS NULL, NULL, 8)) AS until_cause,
       coalesce(f.until_seq, e.until_seq, f.next_seq, m.ended_seq) AS until_seq
FROM followed f
LEFT JOIN ending e ON e.slot = f.slot
LEFT JOIN mm m ON m.mm = f.mm;

-- Causes 1 copy, 2 unshare and 5 fork-copy are edges of the kinds 1, 2 and 3.
CREATE VIEW edge AS
SELECT iif(cause = 5, 3, cause) AS kind, origin AS from_frame, frame AS to_frame, mm, vpn, seen_ns AS at_ns, seen_seq AS seq
FROM frame WHERE origin IS NOT NULL
UNION ALL
SELECT kind, from_frame, to_frame, mm, vpn, at_ns, seq FROM other_edge;

CREATE VIEW v_page_history AS
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, printf('0x%x', s.vpn << 12) AS address, s.frame, f.pfn, f.folio_order,
       s.from_ns, fc.name AS from_cause, s.from_seq, s.until_ns, uc.name AS until_cause, s.until_seq, s.certain, m.run
FROM slot s
JOIN frame f ON f.frame = s.frame
LEFT JOIN v_mm m ON m.mm = s.mm
LEFT JOIN word fc ON fc.topic = 'cause' AND fc.number = s.from_cause
LEFT JOIN word uc ON uc.topic = 'cause' AND uc.number = s.until_cause;

CREATE VIEW v_lineage AS
SELECT k.name AS kind, e.from_frame, a.pfn AS from_pfn, e.to_frame, b.pfn AS to_pfn, e.mm, e.vpn,
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

PRAGMA user_version = 4;
