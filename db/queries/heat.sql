-- Where copies fell, region by region of the address spaces and span by span of time.
-- :bin_ns length of a span; :limit regions at most, those with the most copies
-- The recording knows no VMAs: copied pages of an address space less than 512 pages (2 MiB of base pages) apart are one
-- region. Kinds of edges: 1 copy, 2 unshare, 3 early copy at fork.
WITH copied AS (
  SELECT e.mm, e.vpn, e.at_ns, e.vpn - lag(e.vpn) OVER (PARTITION BY e.mm ORDER BY e.vpn) AS step
  FROM edge e WHERE e.kind IN (1, 2, 3)
),
numbered AS (
  SELECT mm, vpn, at_ns, sum(step IS NULL OR step > 512) OVER (PARTITION BY mm ORDER BY vpn) AS region FROM copied
),
region AS (
  SELECT mm, region, min(vpn) AS first_vpn, max(vpn) AS last_vpn, count(*) AS copies
  FROM numbered
  GROUP BY mm, region
),
chosen AS (
  SELECT *, count(*) OVER () AS regions FROM region ORDER BY copies DESC, mm, region LIMIT :limit
)
SELECT c.mm, m.tgid, m.comm, c.first_vpn, c.last_vpn, c.copies, c.regions,
       n.at_ns / CAST(:bin_ns AS INTEGER) AS bin, count(*) AS copies_then
FROM chosen c
JOIN numbered n ON n.mm = c.mm AND n.region = c.region
LEFT JOIN v_mm m ON m.mm = c.mm
GROUP BY c.mm, c.region, bin
ORDER BY c.mm, c.first_vpn, bin;
