-- What the writer sums up while it writes, from the rows: of a recording that is bounded, which forgot some, or merged.
INSERT INTO sealed_total (name, total) VALUES
  ('pages', (SELECT count(*) FROM (SELECT mm, vpn FROM frame WHERE slot IS NOT NULL UNION SELECT mm, vpn FROM mapping
                       UNION SELECT h.mm, h.vpn + j.key FROM shared h CROSS JOIN json_each(h.frame_list) j))),
  ('copies', (SELECT count(*) FROM frame WHERE origin IS NOT NULL) + (SELECT count(*) FROM other_edge));

-- As many as db/queries/top-pages.sql reads from here. Few copies are larger than a page: those are added.
INSERT INTO hot_page (mm, vpn, copies, pages, last_ns)
WITH more (mm, vpn, pages) AS MATERIALIZED (
  SELECT mm, vpn, sum(pages) FROM (
    SELECT mm, vpn, (1 << folio_order) - 1 AS pages FROM frame WHERE origin IS NOT NULL AND folio_order > 0
    UNION ALL
    SELECT e.mm, e.vpn, (1 << f.folio_order) - 1
    FROM other_edge e CROSS JOIN frame f ON f.frame = e.to_frame AND f.folio_order > 0
  )
  GROUP BY mm, vpn
),
-- In the order of the index: no sort of all copies.
own (mm, vpn, copies, last_ns) AS (
  SELECT mm, vpn, count(*), max(seen_ns) FROM frame INDEXED BY ix_frame_page
  WHERE slot IS NOT NULL AND origin IS NOT NULL
  GROUP BY mm, vpn
),
other (mm, vpn, copies, last_ns) AS MATERIALIZED (
  SELECT mm, vpn, count(*), max(at_ns) FROM other_edge GROUP BY mm, vpn
),
counted (mm, vpn, copies, last_ns) AS (
  SELECT w.mm, w.vpn, w.copies + coalesce(o.copies, 0), max(w.last_ns, coalesce(o.last_ns, w.last_ns))
  FROM own w LEFT JOIN other o ON o.mm = w.mm AND o.vpn = w.vpn
  UNION ALL
  SELECT o.mm, o.vpn, o.copies, o.last_ns FROM other o
  WHERE NOT EXISTS (SELECT 1 FROM frame f
                    WHERE f.mm = o.mm AND f.vpn = o.vpn AND f.slot IS NOT NULL AND f.origin IS NOT NULL)
)
SELECT c.mm, c.vpn, c.copies, c.copies + coalesce(m.pages, 0), c.last_ns
FROM (SELECT * FROM counted ORDER BY copies DESC, mm, vpn LIMIT 1000) c
LEFT JOIN more m ON m.mm = c.mm AND m.vpn = c.vpn
ORDER BY c.copies DESC, c.mm, c.vpn;

-- As db/queries/heat.sql sums them, in spans of a power of two seconds, of which the recording has at most 48.
INSERT INTO heat (mm, vpn, pages, from_s, copies)
WITH length (s) AS (
  SELECT 1
  UNION ALL
  SELECT 2 * s FROM length, (SELECT max(until_ns) - min(from_ns) AS span_ns FROM event_block) WHERE s * 47000000000 < span_ns
)
SELECT e.mm, min(e.vpn), max(e.vpn) - min(e.vpn) + 1, e.at_ns / 1000000000 / l.s * l.s AS second, count(*)
FROM edge e CROSS JOIN (SELECT max(s) AS s FROM length) l
WHERE e.kind IN (1, 2, 3)
GROUP BY e.mm, e.vpn >> 9, second;
