-- Pages of address spaces by how often they were copied.
-- :limit rows at most
-- A sealed recording knows the first 1000.
WITH counted AS (
  SELECT * FROM (
    SELECT h.mm, h.vpn, h.copies, h.pages, h.last_ns
    FROM recording r CROSS JOIN hot_page h
    WHERE r.answered AND :limit <= 1000
    ORDER BY h.place
    LIMIT :limit)
  UNION ALL
  SELECT * FROM (
    SELECT e.mm, e.vpn, count(*) AS copies, sum((SELECT 1 << f.folio_order FROM frame f WHERE f.frame = e.to_frame)),
           max(e.at_ns)
    FROM recording r CROSS JOIN edge e
    WHERE NOT (r.answered AND :limit <= 1000)
    GROUP BY e.mm, e.vpn
    ORDER BY copies DESC, e.mm, e.vpn
    LIMIT :limit)
)
SELECT c.mm, m.tgid, m.comm, c.vpn, c.copies,
       c.pages * coalesce((SELECT max(page_size_bytes) FROM host), 4096) AS bytes, c.last_ns
FROM counted c LEFT JOIN v_mm m ON m.mm = c.mm
ORDER BY c.copies DESC, c.mm, c.vpn;
