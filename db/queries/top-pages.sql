-- Pages of address spaces by how often they were copied.
-- :limit rows at most
WITH counted AS (
  SELECT e.mm, e.vpn, count(*) AS copies, max(e.at_ns) AS last_ns,
         sum((SELECT 1 << f.folio_order FROM frame f WHERE f.frame = e.to_frame))
           * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes
  FROM edge e
  GROUP BY e.mm, e.vpn
  ORDER BY copies DESC, e.mm, e.vpn
  LIMIT :limit
)
SELECT c.mm, m.tgid, m.comm, c.vpn, c.copies, c.bytes, c.last_ns
FROM counted c LEFT JOIN v_mm m ON m.mm = c.mm
ORDER BY c.copies DESC, c.mm, c.vpn;
