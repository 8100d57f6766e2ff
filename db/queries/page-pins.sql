-- Pins that hold a page: by the page of a process that they were taken through, or by the physical page.
-- :tgid process id and :vpn address >> 12; or :pfn page frame number, with the other two NULL
-- :limit rows at most
-- (+ 0: SQLite looks at a bare LIMIT's value, and plans the query anew each time that it is bound.)
SELECT p.pin, p.tgid, (SELECT q.comm FROM process q WHERE q.tgid = p.tgid ORDER BY q.process DESC LIMIT 1) AS comm,
       nullif(s.taker, '') AS taker, s.frames, iif(p.foll & 4, 'pin', 'get') AS kind, p.foll & 1 AS write,
       p.foll >> 3 & 1 AS longterm, p.from_ns, p.until_ns, e.name AS ended_by
FROM pin p
LEFT JOIN mm m ON m.mm = p.mm
LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
LEFT JOIN word e ON e.topic = 'pin-end' AND e.number = p.ended_by
WHERE p.pin IN (
  SELECT q.pin FROM pin q
  WHERE :pfn IS NULL AND q.vpn <= :vpn AND q.vpn + q.pages > :vpn
    AND q.mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
                 UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
                 UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
  UNION ALL
  SELECT q.pin FROM pin q WHERE :pfn IS NOT NULL AND q.pfn <= :pfn AND q.pfn + q.pages > :pfn
)
ORDER BY p.from_ns, p.pin
LIMIT :limit + 0;
