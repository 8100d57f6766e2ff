-- Who mapped a frame, and how long.
-- :frame number of the frame; :limit rows at most
SELECT s.mm, m.tgid, m.comm, s.vpn, s.from_ns, s.until_ns, s.until_cause
FROM slot s LEFT JOIN v_mm m ON m.mm = s.mm
WHERE s.frame = :frame
ORDER BY s.from_ns, s.slot
LIMIT :limit;
