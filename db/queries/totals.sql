-- What a recording holds, in one row.
SELECT (SELECT coalesce(sum(events), 0) FROM event_block) AS events,
       (SELECT count(*) FROM (SELECT DISTINCT mm, vpn FROM slot)) AS pages,
       (SELECT count(*) FROM edge) AS copies,
       (SELECT coalesce(sum(events), 0) FROM gap) AS lost
FROM recording;
