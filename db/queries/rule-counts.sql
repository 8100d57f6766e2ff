-- How often each rule was checked, by page size, and what came of it; all runs together.
-- :rule 'R05', NULL: all
SELECT rule, size, sum(checked) AS checked, sum(held) AS held, sum(broken) AS broken, sum(unknown) AS unknown
FROM rule_count
WHERE :rule IS NULL OR rule = :rule
GROUP BY rule, size
ORDER BY rule, size;
