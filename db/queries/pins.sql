-- Pins: outstanding at a time, leaked, or those that were held longest.
-- Held: until its end; where that was not seen until the end of its run; outstanding ones until then.
-- :which 'outstanding', 'leaked' or 'longest'; :gets 1: FOLL_GET too, whose end is not seen, 0: FOLL_PIN alone
-- :at_ns when outstanding (ns since boot), NULL: at the end; :limit rows at most
-- Uncertain: that it was given back may be among events that were lost.
-- Leaked: the frame was freed under the pin, or the address space is gone and nothing gave the pin back.
WITH last (run, ns) AS MATERIALIZED (SELECT run, max(until_ns) FROM event_block GROUP BY run),
-- At the end those without an end are outstanding, and have an index of their own.
chosen AS (
  SELECT * FROM pin WHERE :which = 'outstanding' AND :at_ns IS NULL AND until_ns IS NULL
  UNION ALL
  SELECT * FROM pin
  WHERE :which = 'outstanding' AND :at_ns IS NOT NULL AND from_ns <= :at_ns AND (until_ns IS NULL OR until_ns > :at_ns)
  UNION ALL
  SELECT * FROM pin WHERE :which = 'leaked' AND foll & 4 AND (ended_by = 2 OR until_ns IS NULL)
  UNION ALL
  SELECT * FROM pin WHERE :which = 'longest'
),
told AS (
  SELECT p.*, m.run, m.ended_ns AS mm_ended_ns,
         CASE WHEN :which = 'outstanding' THEN coalesce(:at_ns, l.ns, p.from_ns)
              ELSE coalesce(p.until_ns, l.ns, p.from_ns) END - p.from_ns AS held_ns
  FROM chosen p
  LEFT JOIN mm m ON m.mm = p.mm
  LEFT JOIN last l ON l.run = m.run
  WHERE p.foll & 4 OR :gets
)
SELECT t.pin, t.tgid, (SELECT q.comm FROM process q WHERE q.tgid = t.tgid ORDER BY q.process DESC LIMIT 1) AS comm,
       nullif(s.taker, '') AS taker, s.frames, iif(t.foll & 4, 'pin', 'get') AS kind, t.foll & 1 AS write,
       t.foll >> 3 & 1 AS longterm, t.mm, t.vpn, t.pages, t.pfn, t.from_ns, t.until_ns, e.name AS ended_by, t.held_ns,
       coalesce(t.ended_by, 0) <> 1
         AND EXISTS (SELECT 1 FROM gap g
                     WHERE g.reason <> 'retention'
                       AND (g.run > t.run OR (g.run = t.run AND g.until_ns >= t.from_ns))) AS uncertain
FROM told t
LEFT JOIN stack s ON s.run = t.run AND s.stack = t.stack
LEFT JOIN word e ON e.topic = 'pin-end' AND e.number = t.ended_by
WHERE :which <> 'leaked' OR t.ended_by = 2 OR t.mm_ended_ns IS NOT NULL
ORDER BY t.held_ns DESC, t.pin
LIMIT :limit;
