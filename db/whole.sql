-- Before a recording that was not bounded goes on as one that is: every interval gets its end and a row of its own, every edge
-- too, so that what is over can be told by its row and removed.
CREATE TEMP TABLE whole_slot AS SELECT * FROM slot ORDER BY slot;
CREATE TEMP TABLE whole_edge AS SELECT * FROM edge ORDER BY at_ns;
UPDATE frame SET freed_ns = d.freed_ns, freed_seq = d.freed_seq FROM freed d WHERE d.frame = frame.frame;
DELETE FROM freed;
DELETE FROM mapping;
DELETE FROM shared;
DELETE FROM ending;
DELETE FROM other_edge;
UPDATE frame SET slot = NULL, mm = NULL, vpn = NULL, cause = NULL, origin = NULL, origin_slot = NULL WHERE slot IS NOT NULL;
INSERT INTO mapping (slot, mm, vpn, frame, from_ns, from_cause, from_seq, certain, until_ns, until_cause, until_seq)
SELECT slot, mm, vpn, frame, from_ns, from_cause, from_seq, certain, until_ns, until_cause, until_seq
FROM temp.whole_slot ORDER BY slot;
INSERT INTO other_edge (kind, from_frame, to_frame, mm, vpn, at_ns, seq)
SELECT kind, from_frame, to_frame, mm, vpn, at_ns, seq FROM temp.whole_edge;
DROP TABLE temp.whole_slot;
DROP TABLE temp.whole_edge;
