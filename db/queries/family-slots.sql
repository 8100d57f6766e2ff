-- Who mapped the frames of a family, and how long.
-- :frames JSON array of numbers of frames; :limit slots of each at most
-- An interval whose end is not written ends where the next of the page begins, or with its address space.
WITH family AS MATERIALIZED (SELECT value AS frame FROM json_each(:frames)),
own AS MATERIALIZED (
  SELECT f.slot, f.mm, f.vpn, f.frame, f.seen_ns AS from_ns, f.cause AS from_cause, f.seen_seq AS from_seq, 1 AS certain,
         NULL AS until_ns, NULL AS until_cause, NULL AS until_seq
  FROM family l CROSS JOIN frame f ON f.frame = l.frame
  WHERE f.slot IS NOT NULL
  UNION ALL
  SELECT f.origin_slot, f.mm, f.vpn, f.origin, f.seen_ns, 0, f.seen_seq, 1, NULL, NULL, NULL
  FROM family l CROSS JOIN frame f ON f.origin = l.frame
  WHERE f.slot IS NOT NULL AND f.origin_slot IS NOT NULL
  UNION ALL
  SELECT a.slot, a.mm, a.vpn, a.frame, a.from_ns, a.from_cause, a.from_seq, a.certain, a.until_ns, a.until_cause, a.until_seq
  FROM mapping a
  WHERE a.frame IN (SELECT frame FROM family)
),
-- Fork shares a page at the address where somebody mapped it.
place AS (SELECT DISTINCT vpn FROM own),
told AS MATERIALIZED (
  SELECT * FROM own
  UNION ALL
  SELECT h.slot + h.slot_step * (p.vpn - h.vpn), h.mm, p.vpn, l.frame, h.from_ns, 4, h.from_seq, h.certain, NULL, NULL, NULL
  FROM place p CROSS JOIN shared h ON h.vpn BETWEEN p.vpn - p.vpn % 32 AND p.vpn AND h.vpn + h.pages > p.vpn
                   AND h.slot > (SELECT min(slot) FROM own)
  JOIN family l ON l.frame = json_extract(h.frame_list, '$[' || (p.vpn - h.vpn) || ']')
),
placed AS MATERIALIZED (
  SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY frame ORDER BY from_ns, slot) AS place FROM told)
  WHERE place <= :limit
),
follower AS (
  SELECT t.slot AS before, iif(f.origin_slot > t.slot, f.origin_slot, f.slot) AS slot, f.seen_ns AS from_ns,
         iif(f.origin_slot > t.slot, 0, f.cause) AS from_cause, f.seen_seq AS from_seq
  FROM placed t CROSS JOIN frame f ON f.mm = t.mm AND f.vpn = t.vpn AND f.slot > t.slot
  UNION ALL
  SELECT t.slot, a.slot, a.from_ns, a.from_cause, a.from_seq
  FROM placed t CROSS JOIN mapping a ON a.mm = t.mm AND a.vpn = t.vpn AND a.slot > t.slot
  UNION ALL
  SELECT t.slot, h.slot + h.slot_step * (t.vpn - h.vpn), h.from_ns, 4, h.from_seq
  FROM placed t CROSS JOIN shared h ON h.mm = t.mm AND h.vpn BETWEEN t.vpn - t.vpn % 32 AND t.vpn
  WHERE h.vpn + h.pages > t.vpn AND h.slot + h.slot_step * (t.vpn - h.vpn) > t.slot
),
-- The other columns are those of the row with the least number.
next AS (SELECT before, min(slot), from_ns, from_cause, from_seq FROM follower GROUP BY before)
SELECT t.frame, m.tgid, m.comm, t.vpn, t.from_ns,
       coalesce(t.until_ns, e.until_ns, n.from_ns, max(d.ended_ns, t.from_ns)) AS until_ns
FROM placed t
LEFT JOIN next n ON n.before = t.slot
LEFT JOIN ending e ON e.slot = t.slot
LEFT JOIN mm d ON d.mm = t.mm
LEFT JOIN v_mm m ON m.mm = t.mm
ORDER BY t.frame, t.from_ns, t.slot;
