-- The family of a frame: what it was copied from, back to the first, and all that was copied from that.
-- :frame number of the frame; :limit rows at most
-- The zero page is everybody's ancestor: the way up ends before it.
WITH RECURSIVE
  up (frame) AS (
    SELECT :frame
    UNION
    SELECT f.origin FROM up JOIN frame f ON f.frame = up.frame JOIN frame o ON o.frame = f.origin
    WHERE o.kind <> 5
    UNION
    SELECT e.from_frame FROM up JOIN other_edge e ON e.to_frame = up.frame JOIN frame o ON o.frame = e.from_frame
    WHERE o.kind <> 5
  ),
  root (frame) AS (
    SELECT u.frame FROM up u
    WHERE NOT EXISTS (SELECT 1 FROM frame f JOIN up v ON v.frame = f.origin WHERE f.frame = u.frame)
      AND NOT EXISTS (SELECT 1 FROM other_edge e JOIN up v ON v.frame = e.from_frame WHERE e.to_frame = u.frame)
  ),
  down (frame, parent, kind, mm, vpn, at_ns, seq) AS (
    SELECT frame, NULL, NULL, NULL, NULL, NULL, NULL FROM root
    UNION
    SELECT f.frame, f.origin, iif(f.cause = 5, 3, f.cause), f.mm, f.vpn, f.seen_ns, f.seen_seq
    FROM down JOIN frame f ON f.origin = down.frame
    UNION
    SELECT e.to_frame, e.from_frame, e.kind, e.mm, e.vpn, e.at_ns, e.seq
    FROM down JOIN other_edge e ON e.from_frame = down.frame
    LIMIT :limit
  )
SELECT d.frame, d.parent, f.pfn, f.folio_order, coalesce(f.freed_ns, e.freed_ns) AS freed_ns, d.kind, d.mm, d.vpn, d.at_ns, d.seq
FROM down d JOIN frame f ON f.frame = d.frame LEFT JOIN freed e ON e.frame = d.frame
ORDER BY d.at_ns NULLS FIRST, d.frame;
