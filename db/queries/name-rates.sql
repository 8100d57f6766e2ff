-- What processes of one name did: copies, bytes, faults, references taken, findings; to compare recordings.
-- A name is the last that a process id had. Copies, bytes and faults are told as in top-processes.sql.
WITH named AS (
  SELECT tgid, comm, max(process) AS process FROM process GROUP BY tgid
),
rated AS (
  SELECT tgid, sum(iif(outcome IN (2, 3) OR kind = 5, events, 0)) AS copies,
         sum(iif(outcome IN (2, 3) OR kind = 5, pages, 0))
           * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes,
         sum(iif(kind IN (1, 2, 11), events, 0)) AS faults, 0 AS pins, 0 AS findings
  FROM rate
  GROUP BY tgid
  UNION ALL
  SELECT tgid, 0, 0, 0, count(*), 0 FROM pin GROUP BY tgid
  UNION ALL
  SELECT tgid, 0, 0, 0, 0, sum(count) FROM finding WHERE verdict >= 3 GROUP BY tgid
)
SELECT coalesce(n.comm, '') AS comm, sum(r.copies) AS copies, sum(r.bytes) AS bytes, sum(r.faults) AS faults,
       sum(r.pins) AS pins, sum(r.findings) AS findings
FROM rated r LEFT JOIN named n ON n.tgid = r.tgid
GROUP BY coalesce(n.comm, '')
HAVING sum(r.copies) + sum(r.faults) + sum(r.pins) + sum(r.findings) > 0
ORDER BY comm;
