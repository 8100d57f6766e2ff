-- Where copies fell, region by region of the address spaces and span by span of time.
-- :bin_ns length of a span, a power of two seconds; :limit regions at most, those with the most copies
-- The recording knows no VMAs: neighbouring aligned 2 MiB (512 base pages) of an address space in which copies fell are one region.
-- A sealed recording has the sums in `heat`, in spans of which it has at most 48. Kinds of edges: 1 copy, 2 unshare, 3 early copy at
-- fork.
WITH kept AS (SELECT answered AND EXISTS (SELECT 1 FROM heat) AS is_summed FROM recording),
summed AS (
  SELECT h.mm, h.vpn AS first_vpn, h.vpn + h.pages - 1 AS last_vpn, h.from_s * 1000000000 / CAST(:bin_ns AS INTEGER) AS bin, h.copies
  FROM kept CROSS JOIN heat h WHERE is_summed
  UNION ALL
  SELECT e.mm, min(e.vpn), max(e.vpn), e.at_ns / CAST(:bin_ns AS INTEGER) AS bin, count(*)
  FROM kept CROSS JOIN edge e
  WHERE NOT is_summed AND e.kind IN (1, 2, 3)
  GROUP BY e.mm, e.vpn >> 9, bin
),
numbered AS (
  SELECT *, sum(step IS NULL OR step > 1) OVER (PARTITION BY mm ORDER BY first_vpn >> 9) AS region
  FROM (SELECT *, (first_vpn >> 9) - lag(first_vpn >> 9) OVER (PARTITION BY mm ORDER BY first_vpn >> 9) AS step FROM summed)
),
region AS (
  SELECT mm, region, min(first_vpn) AS first_vpn, max(last_vpn) AS last_vpn, sum(copies) AS copies
  FROM numbered
  GROUP BY mm, region
),
chosen AS (
  SELECT *, count(*) OVER () AS regions FROM region ORDER BY copies DESC, mm, region LIMIT :limit
)
SELECT c.mm, m.tgid, m.comm, c.first_vpn, c.last_vpn, c.copies, c.regions, n.bin, sum(n.copies) AS copies_then
FROM chosen c
JOIN numbered n ON n.mm = c.mm AND n.region = c.region
LEFT JOIN v_mm m ON m.mm = c.mm
GROUP BY c.mm, c.region, n.bin
ORDER BY c.mm, c.first_vpn, n.bin;
