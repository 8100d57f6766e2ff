-- How much was write-protected: ranges by mprotect, userfaultfd-wp, NUMA, soft-dirty and KSM, and ranges copied by fork.
-- :limit rows at most
-- Kinds: 4 fork-vma, 14 wrprotect.
SELECT k.name AS kind, sum(r.events) AS ranges, sum(r.pages) AS pages
FROM rate r JOIN word k ON k.topic = 'kind' AND k.number = r.kind
WHERE r.kind IN (4, 14)
GROUP BY r.kind
ORDER BY r.kind
LIMIT :limit;
