-- Indexes of a closed recording. None of them exists while it is being written: keeping them up costs ten times the
-- insert itself on a large recording. A recording that was not closed is read without them, slower.
CREATE INDEX IF NOT EXISTS ix_slot_page ON slot (mm, vpn);
CREATE INDEX IF NOT EXISTS ix_slot_frame ON slot (frame);
CREATE INDEX IF NOT EXISTS ix_edge_from ON edge (from_frame);
CREATE INDEX IF NOT EXISTS ix_edge_to ON edge (to_frame);
CREATE INDEX IF NOT EXISTS ix_frame_pfn ON frame (pfn);
CREATE INDEX IF NOT EXISTS ix_process_mm ON process (mm);
CREATE INDEX IF NOT EXISTS ix_process_tgid ON process (tgid);
CREATE INDEX IF NOT EXISTS ix_pin_page ON pin (mm, vpn);
CREATE INDEX IF NOT EXISTS ix_pin_pfn ON pin (pfn);
CREATE INDEX IF NOT EXISTS ix_fork_child ON fork (child_mm);
CREATE INDEX IF NOT EXISTS ix_block_seq ON event_block (run, first_seq);
