-- Observations of one rule by cause and by who held the reference.
-- :rule 'R03'
SELECT f.cause, e.reference_kind, nullif(s.taker, '') AS taker, sum(f.count) AS observations,
       count(DISTINCT f.tgid) AS processes
FROM finding f
LEFT JOIN evidence e ON e.finding = f.finding AND e.which = 'last'
LEFT JOIN stack s ON s.run = e.run AND s.stack = e.reference_stack
WHERE f.rule = :rule
GROUP BY f.cause, e.reference_kind, s.taker
ORDER BY observations DESC, f.cause, e.reference_kind, taker;
