-- What was lost, and when.
-- :limit rows at most
SELECT run, reason, leg, events, first_seq, last_seq, from_ns, until_ns FROM gap ORDER BY from_ns, gap LIMIT :limit;
