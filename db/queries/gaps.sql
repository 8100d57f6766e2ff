-- What was lost, and when.
-- :since_ns that had not ended by then, :until_ns that had begun by then (ns since boot), NULL: any time
-- :limit rows at most
SELECT run, reason, leg, events, first_seq, last_seq, from_ns, until_ns FROM gap
WHERE (:since_ns IS NULL OR until_ns >= :since_ns) AND (:until_ns IS NULL OR from_ns <= :until_ns)
ORDER BY from_ns, gap LIMIT :limit;
