-- Indexes of a closed recording, and the answers that would take reading all of it. None of them exists while it is being
-- written: keeping them up costs ten times the insert itself on a large recording. A recording that was not closed is read
-- without them, slower. (fork_cost is kept by the writer.)
CREATE INDEX IF NOT EXISTS ix_frame_pfn ON frame (pfn);
CREATE INDEX IF NOT EXISTS ix_frame_page ON frame (mm, vpn) WHERE slot IS NOT NULL;
CREATE INDEX IF NOT EXISTS ix_frame_origin ON frame (origin) WHERE origin IS NOT NULL;
CREATE INDEX IF NOT EXISTS ix_mapping_page ON mapping (mm, vpn);
CREATE INDEX IF NOT EXISTS ix_mapping_frame ON mapping (frame);
CREATE INDEX IF NOT EXISTS ix_shared_page ON shared (mm, vpn);
CREATE INDEX IF NOT EXISTS ix_shared_vpn ON shared (vpn);
CREATE INDEX IF NOT EXISTS ix_edge_from ON other_edge (from_frame);
CREATE INDEX IF NOT EXISTS ix_edge_to ON other_edge (to_frame);
CREATE INDEX IF NOT EXISTS ix_process_mm ON process (mm);
CREATE INDEX IF NOT EXISTS ix_process_tgid ON process (tgid);
CREATE INDEX IF NOT EXISTS ix_pin_page ON pin (mm, vpn);
CREATE INDEX IF NOT EXISTS ix_pin_pfn ON pin (pfn);
CREATE INDEX IF NOT EXISTS ix_pin_open ON pin (from_ns) WHERE until_ns IS NULL;
CREATE INDEX IF NOT EXISTS ix_fork_child ON fork (child_mm);
CREATE INDEX IF NOT EXISTS ix_fork_tgids ON fork (child_tgid, parent_tgid);
CREATE INDEX IF NOT EXISTS ix_fork_parent ON fork (parent_tgid);
CREATE INDEX IF NOT EXISTS ix_block_seq ON event_block (run, first_seq);

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

INSERT INTO pin_taker (taker, kind, pins, pages, read_only, outstanding, longest_ns, median_ns)
WITH told AS (
  SELECT coalesce(s.taker, '') AS taker, iif(p.foll & 4, 'pin', 'get') AS kind, p.foll & 1 AS write, p.pages,
         p.until_ns, p.until_ns - p.from_ns AS held_ns
  FROM pin p
  LEFT JOIN mm m ON m.mm = p.mm
  LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY taker, kind, held_ns IS NULL ORDER BY held_ns) AS place,
         count(held_ns) OVER (PARTITION BY taker, kind) AS ended
  FROM told
)
SELECT taker, kind, count(*), sum(pages), sum(write = 0), sum(until_ns IS NULL), max(held_ns),
       max(CASE WHEN held_ns IS NOT NULL AND place = (ended + 1) / 2 THEN held_ns END)
FROM ranked
GROUP BY taker, kind;

UPDATE recording SET sealed = 1, answered = 1;
