-- Processes by what copy-on-write cost them.
-- :by 'copies', 'bytes' or 'faults'; :limit rows at most
-- :since_ns counted in a second that ends after it, :until_ns in one that begins before it (ns since boot), NULL: any time
-- Copies are faults that ended in copy (2) or unshare (3), and early copies at fork (kind 5). Faults are kinds 1, 2, 11.
-- hostname: NULL where the recording is of one host. With several the same process id is another process on each.
WITH several AS (SELECT count(*) > 1 AS hosts FROM host),
counted AS (
  SELECT iif((SELECT hosts FROM several),
             (SELECT r.host FROM mm m JOIN run r ON r.run = m.run WHERE m.mm = rate.mm), NULL) AS host,
         tgid,
         sum(iif(outcome IN (2, 3) OR kind = 5, events, 0)) AS copies,
         sum(iif(outcome IN (2, 3) OR kind = 5, pages, 0))
           * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes,
         sum(iif(kind IN (1, 2, 11), events, 0)) AS faults,
         sum(iif(outcome = 1, events, 0)) AS reuses
  FROM rate
  WHERE tgid <> 0 AND (:since_ns IS NULL OR second_ns + 1000000000 > :since_ns)
    AND (:until_ns IS NULL OR second_ns <= :until_ns)
  GROUP BY 1, tgid
)
SELECT h.hostname, c.tgid,
       iif(c.host IS NULL,
           (SELECT p.comm FROM process p WHERE p.tgid = c.tgid ORDER BY p.process DESC LIMIT 1),
           (SELECT p.comm FROM process p JOIN mm m ON m.mm = p.mm JOIN run r ON r.run = m.run
            WHERE p.tgid = c.tgid AND r.host = c.host ORDER BY p.process DESC LIMIT 1)) AS comm,
       c.copies, c.bytes, c.faults, c.reuses
FROM counted c LEFT JOIN host h ON h.host = c.host
WHERE c.copies + c.faults > 0
ORDER BY CASE :by WHEN 'bytes' THEN c.bytes WHEN 'faults' THEN c.faults ELSE c.copies END DESC, c.tgid
LIMIT :limit;
