-- What the history met that cannot be: how often, and where first.
-- :limit rows at most
SELECT run, name, count, first_ns, first_seq FROM anomaly ORDER BY count DESC, run, name LIMIT :limit;
