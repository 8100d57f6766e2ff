-- Vmas by what copy-on-write cost in them.
-- :by 'copies', 'bytes' or 'faults'; :limit rows at most
-- :since_ns counted in a second that ends after it, :until_ns in one that begins before it (ns since boot), NULL: any time
-- Copies and faults as in top-processes.sql, of the address space that they were in, whoever made them. vpn: NULL is what fell in no
-- vma that was told. hostname: NULL where the recording is of one host.
WITH counted AS (
  SELECT mm, vma,
         sum(iif(outcome IN (2, 3) OR kind = 5, events, 0)) AS copies,
         sum(iif(outcome IN (2, 3) OR kind = 5, pages, 0))
           * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes,
         sum(iif(kind <> 5, events, 0)) AS faults,
         sum(iif(outcome = 1, events, 0)) AS reuses
  FROM rate
  WHERE kind IN (1, 2, 5, 11) AND mm <> 0 AND (:since_ns IS NULL OR second_ns + 1000000000 > :since_ns)
    AND (:until_ns IS NULL OR second_ns <= :until_ns)
  GROUP BY mm, vma
),
first AS (
  SELECT * FROM counted
  ORDER BY CASE :by WHEN 'bytes' THEN bytes WHEN 'faults' THEN faults ELSE copies END DESC, mm, vma
  LIMIT :limit
)
SELECT iif((SELECT count(*) > 1 FROM host),
           (SELECT h.hostname FROM run r JOIN host h ON h.host = r.host WHERE r.run = m.run), NULL) AS hostname,
       c.mm, m.tgid, m.comm, a.vpn,
       a.pages * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS size_bytes, v.rights, v.kind,
       c.copies, c.bytes, c.faults, c.reuses
FROM first c LEFT JOIN v_mm m ON m.mm = c.mm LEFT JOIN vma a ON a.vma = c.vma LEFT JOIN v_vma v ON v.vma = c.vma
ORDER BY CASE :by WHEN 'bytes' THEN c.bytes WHEN 'faults' THEN c.faults ELSE c.copies END DESC, c.mm, c.vma;
