-- Schema 7: an interval that was only met by the event that copied its page is told by the row of the copy.
--
-- A recorder that begins beside running processes meets most of their pages by their first copy: that the page mapped the frame
-- of which it was copied until then was a row of `mapping` with two indexes, at the same moment as the row of the copy: a tenth of
-- a recording of a million events. Now `frame.origin_slot` is the number of that interval.
--
-- `slot` and `v_page_history` tell as before. Rows of older schemas are valid as they are.

ALTER TABLE frame ADD COLUMN origin_slot INTEGER;

DROP VIEW v_page_history;
DROP VIEW slot;

CREATE VIEW slot AS
WITH told AS (
  SELECT slot, mm, vpn, frame, seen_ns AS from_ns, cause AS from_cause, seen_seq AS from_seq, 1 AS certain,
         NULL AS until_ns, NULL AS until_cause, NULL AS until_seq
  FROM frame WHERE slot IS NOT NULL
  UNION ALL
  SELECT origin_slot, mm, vpn, origin, seen_ns, 0, seen_seq, 1, NULL, NULL, NULL
  FROM frame WHERE slot IS NOT NULL AND origin_slot IS NOT NULL
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

CREATE VIEW v_page_history AS
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, printf('0x%x', s.vpn << 12) AS address, s.frame, f.pfn, f.folio_order,
       s.from_ns, fc.name AS from_cause, s.from_seq, s.until_ns, uc.name AS until_cause, s.until_seq, s.certain, m.run
FROM slot s
JOIN frame f ON f.frame = s.frame
LEFT JOIN v_mm m ON m.mm = s.mm
LEFT JOIN word fc ON fc.topic = 'cause' AND fc.number = s.from_cause
LEFT JOIN word uc ON uc.topic = 'cause' AND uc.number = s.until_cause;

PRAGMA user_version = 7;
