-- Every slot interval of one page of a process, in all address spaces that it had.
-- :tgid process id; :vpn address >> 12 of the page
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, s.frame, f.pfn, f.folio_order, s.from_ns, s.from_cause, s.from_seq,
       s.until_ns, s.until_cause, s.until_seq, s.certain, m.run
FROM slot s
JOIN frame f ON f.frame = s.frame
LEFT JOIN v_mm m ON m.mm = s.mm
WHERE s.vpn = :vpn
  AND s.mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
               UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
               UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
ORDER BY s.from_ns, s.slot;
