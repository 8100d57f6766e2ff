-- Who takes references, and for how long: pins by the kernel function that asked.
-- :limit rows at most
-- Held times are of those whose end was seen: FOLL_GET ends unseen, but for its frame. A sealed recording has the answer in
-- pin_taker.
WITH told AS (
  SELECT coalesce(s.taker, '') AS taker, iif(p.foll & 4, 'pin', 'get') AS kind, p.foll & 1 AS write, p.pages, p.mm,
         p.call, p.until_ns, p.until_ns - p.from_ns AS held_ns
  FROM recording r CROSS JOIN pin p
  LEFT JOIN mm m ON m.mm = p.mm
  LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
  WHERE NOT r.answered
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY taker, kind, held_ns IS NULL ORDER BY held_ns) AS place,
         count(held_ns) OVER (PARTITION BY taker, kind) AS ended
  FROM told
)
SELECT nullif(taker, '') AS taker, kind, count(*) AS pins, sum(pages) AS pages, sum(write = 0) AS read_only,
       sum(until_ns IS NULL) AS outstanding, max(held_ns) AS longest_ns,
       max(CASE WHEN held_ns IS NOT NULL AND place = (ended + 1) / 2 THEN held_ns END) AS median_ns
FROM ranked
GROUP BY taker, kind
UNION ALL
SELECT nullif(k.taker, ''), k.kind, k.pins, k.pages, k.read_only, k.outstanding, k.longest_ns, k.median_ns
FROM recording r CROSS JOIN pin_taker k
WHERE r.answered
ORDER BY pins DESC, taker, kind
LIMIT :limit;
