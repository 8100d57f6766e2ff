-- Every slot interval that mapped a physical page.
-- :pfn page frame number; :at_ns of the life that it had then (ns since boot), NULL: of all its lives
-- An interval whose end is not written ends where the next of the page begins, or with its address space. Causes: 4 fork, 8
-- mm-exit.
WITH life AS MATERIALIZED (
  SELECT f.frame FROM frame f LEFT JOIN freed d ON d.frame = f.frame
  WHERE f.pfn = :pfn
    AND (:at_ns IS NULL OR (f.seen_ns <= :at_ns AND coalesce(f.freed_ns, d.freed_ns, :at_ns) >= :at_ns))
),
own AS MATERIALIZED (
  SELECT f.slot, f.mm, f.vpn, f.frame, f.seen_ns AS from_ns, f.cause AS from_cause, f.seen_seq AS from_seq, 1 AS certain,
         NULL AS until_ns, NULL AS until_cause, NULL AS until_seq
  FROM life l CROSS JOIN frame f ON f.frame = l.frame
  WHERE f.slot IS NOT NULL
  UNION ALL
  SELECT f.origin_slot, f.mm, f.vpn, f.origin, f.seen_ns, 0, f.seen_seq, 1, NULL, NULL, NULL
  FROM life l CROSS JOIN frame f ON f.origin = l.frame
  WHERE f.slot IS NOT NULL AND f.origin_slot IS NOT NULL
  UNION ALL
  SELECT a.slot, a.mm, a.vpn, a.frame, a.from_ns, a.from_cause, a.from_seq, a.certain, a.until_ns, a.until_cause, a.until_seq
  FROM mapping a
  WHERE a.frame IN (SELECT frame FROM life)
),
-- Fork shares a page at the address where somebody mapped it.
place AS (SELECT DISTINCT vpn FROM own),
told AS MATERIALIZED (
  SELECT * FROM own
  UNION ALL
  SELECT h.slot + h.slot_step * (p.vpn - h.vpn), h.mm, p.vpn, l.frame, h.from_ns, 4, h.from_seq, h.certain, NULL, NULL, NULL
  FROM place p CROSS JOIN shared h ON h.vpn BETWEEN p.vpn - p.vpn % 32 AND p.vpn AND h.vpn + h.pages > p.vpn
                   AND h.slot > (SELECT min(slot) FROM own)
  JOIN life l ON l.frame = json_extract(h.frame_list, '$[' || (p.vpn - h.vpn) || ']')
),
follower AS (
  SELECT t.slot AS before, iif(f.origin_slot > t.slot, f.origin_slot, f.slot) AS slot, f.seen_ns AS from_ns,
         iif(f.origin_slot > t.slot, 0, f.cause) AS from_cause, f.seen_seq AS from_seq
  FROM told t CROSS JOIN frame f ON f.mm = t.mm AND f.vpn = t.vpn AND f.slot > t.slot
  UNION ALL
  SELECT t.slot, a.slot, a.from_ns, a.from_cause, a.from_seq
  FROM told t CROSS JOIN mapping a ON a.mm = t.mm AND a.vpn = t.vpn AND a.slot > t.slot
  UNION ALL
  SELECT t.slot, h.slot + h.slot_step * (t.vpn - h.vpn), h.from_ns, 4, h.from_seq
  FROM told t CROSS JOIN shared h ON h.mm = t.mm AND h.vpn BETWEEN t.vpn - t.vpn % 32 AND t.vpn
  WHERE h.vpn + h.pages > t.vpn AND h.slot + h.slot_step * (t.vpn - h.vpn) > t.slot
),
-- The other columns are those of the row with the least number.
next AS (SELECT before, min(slot), from_ns, from_cause, from_seq FROM follower GROUP BY before)
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, s.frame, f.pfn, f.folio_order, s.from_ns, s.from_cause, s.from_seq,
       coalesce(s.until_ns, e.until_ns, n.from_ns, max(d.ended_ns, s.from_ns)) AS until_ns,
       coalesce(s.until_cause, e.until_cause, n.from_cause, iif(d.ended_ns IS NULL, NULL, 8)) AS until_cause,
       coalesce(s.until_seq, e.until_seq, n.from_seq, d.ended_seq) AS until_seq, s.certain, m.run
FROM told s
JOIN frame f ON f.frame = s.frame
LEFT JOIN next n ON n.before = s.slot
LEFT JOIN ending e ON e.slot = s.slot
LEFT JOIN mm d ON d.mm = s.mm
LEFT JOIN v_mm m ON m.mm = s.mm
ORDER BY s.from_ns, s.slot;
