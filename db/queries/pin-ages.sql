-- How long references were held, by the kernel function that asked; one that did not end is as old as the recording's end
-- makes it.
-- :limit takers at most, those with the most references
WITH aged AS (
  SELECT coalesce(s.taker, '') AS taker, iif(p.foll & 4, 'pin', 'get') AS kind, p.until_ns IS NULL AS is_held,
         coalesce(p.until_ns, (SELECT max(until_ns) FROM event_block), p.from_ns) - p.from_ns AS age_ns
  FROM pin p
  LEFT JOIN mm m ON m.mm = p.mm
  LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
)
SELECT nullif(taker, '') AS taker, kind, count(*) AS pins, sum(age_ns < 1000000) AS below_1ms,
       sum(age_ns >= 1000000 AND age_ns < 100000000) AS below_100ms,
       sum(age_ns >= 100000000 AND age_ns < 1000000000) AS below_1s,
       sum(age_ns >= 1000000000 AND age_ns < 60000000000) AS below_60s, sum(age_ns >= 60000000000) AS older,
       sum(is_held) AS held, count(*) OVER () AS takers
FROM aged
GROUP BY taker, kind
ORDER BY pins DESC, taker, kind
LIMIT :limit;
