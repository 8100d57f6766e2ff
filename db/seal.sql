-- Indexes of a closed recording, and the answers that would take reading all of it. None of them exists while it is being
-- written: keeping them up costs ten times the insert itself on a large recording. A recording that was not closed is read
-- without them, slower. What the writer summed up while it wrote (fork_cost, heat, hot_page, sealed_total) it adds after this;
-- where it did not, db/sums.sql does.
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

INSERT INTO pin_taker (taker, kind, pins, pages, read_only, outstanding, longest_ns, median_ns)
SELECT coalesce(s.taker, '') AS taker, iif(p.foll & 4, 'pin', 'get') AS kind, count(*), sum(p.pages), sum(p.foll & 1 = 0),
       sum(p.until_ns IS NULL), max(p.until_ns - p.from_ns),
       -- Of an even number the lower one: a time that was measured.
       CAST(percentile_disc(p.until_ns - p.from_ns, 0.5) AS INTEGER)
FROM pin p
LEFT JOIN mm m ON m.mm = p.mm
LEFT JOIN stack s ON s.run = m.run AND s.stack = p.stack
GROUP BY 1, 2;
