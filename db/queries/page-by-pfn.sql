-- Every slot interval that mapped a physical page.
-- :pfn page frame number; :at_ns of the life that it had then (ns since boot), NULL: of all its lives
SELECT s.slot, s.mm, m.tgid, m.comm, s.vpn, s.frame, f.pfn, f.folio_order, s.from_ns, s.from_cause, s.from_seq,
       s.until_ns, s.until_cause, s.until_seq, s.certain, m.run
FROM frame f
JOIN slot s ON s.frame = f.frame
LEFT JOIN v_mm m ON m.mm = s.mm
WHERE f.pfn = :pfn
  AND (:at_ns IS NULL OR (f.seen_ns <= :at_ns AND coalesce(f.freed_ns, :at_ns) >= :at_ns))
ORDER BY s.from_ns, s.slot;
