-- Schema 6: a free is written behind the others, not into the row of its frame; and where copies fell, and when, is summed while
-- they come.
--
-- Until then each free looked its frame up and made its row longer, which was the greatest part of writing events, as pages that
-- were full had to be divided. Now `freed` has it, but for a frame that was freed in the chunk in which it was seen, and those of a
-- bounded recording (--keep, --max-size), which removes what is over by its row. `v_frame` tells both as one.
--
-- The heat map read every copy: 12 s for ten million events. `heat` has the copies of an address space by 2 MiB and by span of
-- time: spans are so long that a recording has at most 48 of them. A recording of an older schema has none, and is asked its rows.
-- Rows of older schemas are valid as they are.

CREATE TABLE freed (
  frame      INTEGER PRIMARY KEY,
  freed_ns   INTEGER NOT NULL,
  freed_seq  INTEGER NOT NULL
) STRICT;

CREATE TABLE heat (
  mm      INTEGER NOT NULL,
  vpn     INTEGER NOT NULL,
  pages   INTEGER NOT NULL,
  from_s  INTEGER NOT NULL,
  copies  INTEGER NOT NULL
) STRICT;

CREATE VIEW v_frame AS
SELECT f.frame, f.pfn, f.folio_order, k.name AS kind, f.seen_ns, f.seen_seq, coalesce(f.freed_ns, d.freed_ns) AS freed_ns,
       coalesce(f.freed_seq, d.freed_seq) AS freed_seq
FROM frame f
LEFT JOIN freed d ON d.frame = f.frame
LEFT JOIN word k ON k.topic = 'frame' AND k.number = f.kind;

PRAGMA user_version = 6;
