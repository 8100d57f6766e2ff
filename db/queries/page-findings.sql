-- Findings whose first or last evidence is a page: of a process, or a physical one.
-- :tgid process id and :vpn address >> 12; or :pfn page frame number, with the other two NULL
-- :limit rows at most
-- (+ 0: SQLite looks at a bare LIMIT's value, and plans the query anew each time that it is bound.)
SELECT f.finding, f.rule, coalesce(v.name, 'verdict ' || f.verdict) AS verdict, f.count, f.first_ns, f.last_ns, f.cause,
       (SELECT e.words FROM evidence e WHERE e.finding = f.finding AND e.which = 'last') AS words
FROM finding f
LEFT JOIN word v ON v.topic = 'verdict' AND v.number = f.verdict
WHERE EXISTS (
  SELECT 1 FROM evidence e
  WHERE e.finding = f.finding
    AND CASE WHEN :pfn IS NULL
          THEN e.vpn = :vpn AND e.mm IN (SELECT mm FROM process WHERE tgid = :tgid AND mm IS NOT NULL
                                         UNION SELECT child_mm FROM fork WHERE child_tgid = :tgid
                                         UNION SELECT parent_mm FROM fork WHERE parent_tgid = :tgid)
          ELSE :pfn IN (e.old_pfn, e.new_pfn)
        END)
ORDER BY f.verdict DESC, f.last_ns, f.finding
LIMIT :limit + 0;
