-- Every slot interval of one page of a process, in all address spaces that it had.
-- :tgid process id; :vpn address >> 12 of the page
-- An interval whose end is not written ends where the next of the page begins, or with its address space. Causes: 4 fork, 8
-- mm-exit.
WITH told AS (
  SELECT slot, mm, frame, seen_ns AS from_ns, cause AS from_cause, seen_seq AS from_seq, 1 AS certain,
         NULL AS until_ns, NULL AS until_cause, NULL AS until_seq
  FROM frame
  WHERE slot IS NOT NULL AND vpn = :vpn
    AND mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
               UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
               UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
  UNION ALL
  SELECT origin_slot, mm, origin, seen_ns, 0, seen_seq, 1, NULL, NULL, NULL
  FROM frame
  WHERE slot IS NOT NULL AND origin_slot IS NOT NULL AND vpn = :vpn
    AND mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
               UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
               UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
  UNION ALL
  SELECT slot, mm, frame, from_ns, from_cause, from_seq, certain, until_ns, until_cause, until_seq
  FROM mapping
  WHERE vpn = :vpn
    AND mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
               UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
               UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
  UNION ALL
  SELECT slot + slot_step * (:vpn - vpn), mm, json_extract(frame_list, '$[' || CAST(:vpn - vpn AS INTEGER) || ']'), from_ns, 4, from_seq, certain,
         NULL, NULL, NULL
  FROM shared
  WHERE vpn BETWEEN :vpn - :vpn % 32 AND :vpn AND vpn + pages > :vpn
    AND mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
               UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
               UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
),
followed AS (
  SELECT *, lead(from_ns) OVER page AS next_ns, lead(from_cause) OVER page AS next_cause, lead(from_seq) OVER page AS next_seq
  FROM told
  WINDOW page AS (PARTITION BY mm ORDER BY slot)
)
SELECT s.slot, s.mm, m.tgid, m.comm, CAST(:vpn AS INTEGER) AS vpn, s.frame, f.pfn, f.folio_order, s.from_ns, s.from_cause,
       s.from_seq, coalesce(s.until_ns, e.until_ns, s.next_ns, max(d.ended_ns, s.from_ns)) AS until_ns,
       coalesce(s.until_cause, e.until_cause, s.next_cause, iif(d.ended_ns IS NULL, NULL, 8)) AS until_cause,
       coalesce(s.until_seq, e.until_seq, s.next_seq, d.ended_seq) AS until_seq, s.certain, m.run
FROM followed s
JOIN frame f ON f.frame = s.frame
LEFT JOIN ending e ON e.slot = s.slot
LEFT JOIN mm d ON d.mm = s.mm
LEFT JOIN v_mm m ON m.mm = s.mm
ORDER BY s.from_ns, s.slot;
