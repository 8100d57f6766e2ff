-- From the first event until the last, over all runs.
SELECT min(from_ns) AS from_ns, max(until_ns) AS until_ns FROM event_block HAVING count(*) > 0;
