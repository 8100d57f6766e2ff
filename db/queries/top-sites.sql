-- Call sites by what copy-on-write cost there.
-- :by 'copies', 'bytes' or 'faults'; :limit rows at most
-- :since_ns counted in a second that ends after it, :until_ns in one that begins before it (ns since boot), NULL: any time
-- Copies and faults as in top-processes.sql. code: the innermost frame in user mode that is not of the C library, without one the
-- function of the kernel that asked; NULL: no call stack was taken. processes: how many were there, by address space.
WITH counted AS (
  SELECT mm, stack,
         sum(iif(outcome IN (2, 3) OR kind = 5, events, 0)) AS copies,
         sum(iif(outcome IN (2, 3) OR kind = 5, pages, 0)) AS pages,
         sum(iif(kind <> 5, events, 0)) AS faults,
         sum(iif(outcome = 1, events, 0)) AS reuses
  FROM rate
  WHERE kind IN (1, 2, 5, 11) AND mm <> 0 AND (:since_ns IS NULL OR second_ns + 1000000000 > :since_ns)
    AND (:until_ns IS NULL OR second_ns <= :until_ns)
  GROUP BY mm, stack
),
site AS (
  SELECT run, stack,
         coalesce((SELECT substr(j.value, 2) FROM json_each(s.frames) j WHERE j.value GLOB '@*'
                   ORDER BY j.value GLOB '@libc[.-]*' OR j.value GLOB '@ld[.-]*' OR j.value GLOB '@libpthread*'
                         OR j.value GLOB '@libaio*' OR j.value GLOB '@liburing*' OR j.value GLOB '@\[v*', j.key LIMIT 1),
                  nullif(s.taker, ''), s.frames ->> 0) AS code
  FROM stack s
)
SELECT s.code, count(DISTINCT c.mm) AS processes, sum(c.copies) AS copies,
       sum(c.pages) * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes,
       sum(c.faults) AS faults, sum(c.reuses) AS reuses
FROM counted c LEFT JOIN mm m ON m.mm = c.mm LEFT JOIN site s ON s.run = m.run AND s.stack = c.stack
GROUP BY s.code
ORDER BY CASE :by WHEN 'bytes' THEN sum(c.pages) WHEN 'faults' THEN sum(c.faults) ELSE sum(c.copies) END DESC, s.code
LIMIT :limit;
