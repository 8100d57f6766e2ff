-- Huge pages that were split or made, by process: what was seen of each kind, and how often it was refused.
-- :limit rows at most
-- :since_ns counted in a second that ends after it, :until_ns in one that begins before it (ns since boot), NULL: any time
-- Kinds: 16 pmd-split, 17 folio-split, 18 collapse; outcome 9: the kernel refused.
WITH counted AS (
  SELECT tgid, sum(iif(kind = 16, events, 0)) AS pmd_splits,
         sum(iif(kind = 17 AND outcome <> 9, events, 0)) AS folio_splits,
         sum(iif(kind = 17 AND outcome = 9, events, 0)) AS folio_splits_refused,
         sum(iif(kind = 18 AND outcome <> 9, events, 0)) AS collapses,
         sum(iif(kind = 18 AND outcome = 9, events, 0)) AS collapses_refused
  FROM rate
  WHERE kind IN (16, 17, 18) AND (:since_ns IS NULL OR second_ns + 1000000000 > :since_ns)
    AND (:until_ns IS NULL OR second_ns <= :until_ns)
  GROUP BY tgid
)
SELECT c.tgid, (SELECT p.comm FROM process p WHERE p.tgid = c.tgid ORDER BY p.process DESC LIMIT 1) AS comm,
       c.pmd_splits, c.folio_splits, c.folio_splits_refused, c.collapses, c.collapses_refused
FROM counted c
ORDER BY c.pmd_splits + c.folio_splits + c.folio_splits_refused DESC, c.tgid
LIMIT :limit;
