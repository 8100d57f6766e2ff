-- Who mapped the frames of a family, and how long: as frame-slots.sql, for many frames at once.
-- :frames JSON array of numbers of frames; :limit slots of each at most
WITH told AS (
  SELECT s.frame, s.mm, s.vpn, s.from_ns, s.until_ns, s.slot,
         row_number() OVER (PARTITION BY s.frame ORDER BY s.from_ns, s.slot) AS place
  FROM json_each(:frames) j CROSS JOIN slot s ON s.frame = j.value
)
SELECT t.frame, m.tgid, m.comm, t.vpn, t.from_ns, t.until_ns
FROM told t LEFT JOIN v_mm m ON m.mm = t.mm
WHERE t.place <= :limit
ORDER BY t.frame, t.from_ns, t.slot;
