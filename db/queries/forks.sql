-- What each fork cost: bytes that parent and child copied while the child lived. The BGSAVE question.
-- :since_ns whose child was alive then or later, :until_ns forked until then (ns since boot), NULL: any time
-- :limit rows at most
-- A window is from the beginning of the child's address space until its end (exit or exec). One sort of all copies and all
-- ends of windows gives every window's sum, however many forks overlap. A sealed recording has them in fork_cost.
WITH fork_window AS (
  SELECT f.fork, f.parent_mm, f.child_mm, min(f.at_ns, coalesce(c.born_ns, f.at_ns)) AS from_ns,
         coalesce(c.ended_ns, 9223372036854775807) AS until_ns
  FROM recording r CROSS JOIN fork f LEFT JOIN mm c ON c.mm = f.child_mm
  WHERE NOT r.answered
),
point (mm, at_ns, place, fork, side, sign, copies, pages, early) AS (
  SELECT e.mm, e.at_ns, 1, NULL, NULL, 0, 1, 1 << min(max(t.folio_order, 0), 18), e.kind = 3
  FROM recording r CROSS JOIN edge e JOIN frame t ON t.frame = e.to_frame
  WHERE NOT r.answered AND e.kind IN (1, 2, 3)
  UNION ALL SELECT parent_mm, from_ns, 0, fork, 'parent', -1, 0, 0, 0 FROM fork_window
  UNION ALL SELECT parent_mm, until_ns, 2, fork, 'parent', 1, 0, 0, 0 FROM fork_window
  UNION ALL SELECT child_mm, from_ns, 0, fork, 'child', -1, 0, 0, 0 FROM fork_window
  UNION ALL SELECT child_mm, until_ns, 2, fork, 'child', 1, 0, 0, 0 FROM fork_window
),
running AS (
  SELECT fork, side, sign, sum(copies) OVER so_far AS copies, sum(pages) OVER so_far AS pages,
         sum(early) OVER so_far AS early
  FROM point
  WINDOW so_far AS (PARTITION BY mm ORDER BY at_ns, place ROWS UNBOUNDED PRECEDING)
),
counted AS (
  SELECT fork, sum(iif(side = 'parent', sign * copies, 0)) AS parent_copies,
         sum(iif(side = 'child', sign * copies, 0)) AS child_copies, sum(iif(side = 'child', sign * early, 0)) AS early,
         sum(sign * pages) AS pages
  FROM running
  WHERE fork IS NOT NULL
  GROUP BY fork
  UNION ALL
  SELECT k.fork, k.parent_copies, k.child_copies, k.early, k.pages
  FROM recording r CROSS JOIN fork_cost k
  WHERE r.answered
)
SELECT f.fork, f.parent_tgid,
       (SELECT p.comm FROM process p WHERE p.tgid = f.parent_tgid ORDER BY p.process DESC LIMIT 1) AS comm, f.child_tgid,
       f.at_ns, c.ended_ns, n.parent_copies, n.child_copies, n.early,
       n.pages * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes
FROM counted n
JOIN fork f ON f.fork = n.fork
LEFT JOIN mm c ON c.mm = f.child_mm
WHERE (:since_ns IS NULL OR c.ended_ns IS NULL OR c.ended_ns >= :since_ns) AND (:until_ns IS NULL OR f.at_ns <= :until_ns)
ORDER BY n.pages DESC, f.fork
LIMIT :limit;
