-- The frame that a page of an address space mapped at a time, or last before it.
-- :mm address space; :vpn page number; :at_ns when
SELECT frame FROM (
  SELECT frame, seen_ns AS from_ns, slot FROM frame
  WHERE mm = :mm AND vpn = :vpn AND slot IS NOT NULL AND seen_ns <= :at_ns
  UNION ALL
  SELECT frame, from_ns, slot FROM mapping WHERE mm = :mm AND vpn = :vpn AND from_ns <= :at_ns
  UNION ALL
  SELECT json_extract(frame_list, '$[' || CAST(:vpn - vpn AS INTEGER) || ']'), from_ns, slot + slot_step * (:vpn - vpn) FROM shared
  WHERE mm = :mm AND vpn BETWEEN :vpn - :vpn % 32 AND :vpn AND vpn + pages > :vpn AND from_ns <= :at_ns
)
ORDER BY from_ns DESC, slot DESC LIMIT 1;
