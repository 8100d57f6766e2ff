-- The family of some frames, the nearest first: what they were copied from, and what was copied from that and from them.
-- :frames JSON array of numbers of frames; :limit rows at most
-- A frame is as far as the copies between: of each row all on the way to one of :frames are in the answer.
-- children: how many were copied from it, in the answer or not. The way up ends before the zero page, everybody's ancestor.
-- (+ 0: SQLite looks at a bare LIMIT's value, and plans the query anew each time that it is bound.)
WITH RECURSIVE
  up (frame, distance) AS (
    SELECT value, 0 FROM json_each(:frames)
    UNION
    SELECT f.origin, up.distance + 1 FROM up JOIN frame f ON f.frame = up.frame JOIN frame o ON o.frame = f.origin
    WHERE o.kind <> 5
    UNION
    SELECT e.from_frame, up.distance + 1
    FROM up JOIN other_edge e ON e.to_frame = up.frame JOIN frame o ON o.frame = e.from_frame
    WHERE o.kind <> 5
    LIMIT :limit + 0
  ),
  line AS MATERIALIZED (SELECT frame, min(distance) AS distance FROM up GROUP BY frame),
  near (frame, parent, kind, at_ns, distance) AS (
    SELECT l.frame, coalesce(o.frame, p.frame), iif(o.frame IS NULL, e.kind, iif(f.cause = 5, 3, f.cause)),
           iif(o.frame IS NULL, e.at_ns, f.seen_ns), l.distance
    FROM line l JOIN frame f ON f.frame = l.frame
    LEFT JOIN frame o ON o.frame = f.origin AND o.kind <> 5
    LEFT JOIN other_edge e ON e.to_frame = l.frame
    LEFT JOIN frame p ON p.frame = e.from_frame AND p.kind <> 5
    UNION
    SELECT f.frame, f.origin, iif(f.cause = 5, 3, f.cause), f.seen_ns, near.distance + 1
    FROM near JOIN frame f ON f.origin = near.frame
    WHERE f.frame NOT IN (SELECT frame FROM line)
    UNION
    SELECT e.to_frame, e.from_frame, e.kind, e.at_ns, near.distance + 1
    FROM near JOIN other_edge e ON e.from_frame = near.frame
    WHERE e.to_frame NOT IN (SELECT frame FROM line)
    ORDER BY 5
    LIMIT :limit + 0
  )
SELECT n.frame, n.parent, f.pfn, f.folio_order, coalesce(f.freed_ns, d.freed_ns) AS freed_ns,
       iif(n.parent IS NULL, NULL, n.kind) AS kind,
       iif(n.parent IS NULL, NULL, n.at_ns) AS at_ns,
       (SELECT count(*) FROM frame c WHERE c.origin = n.frame)
         + (SELECT count(*) FROM other_edge e WHERE e.from_frame = n.frame) AS children
FROM near n JOIN frame f ON f.frame = n.frame LEFT JOIN freed d ON d.frame = n.frame
ORDER BY n.at_ns NULLS FIRST, n.frame;
