-- What a recording holds, in one row. Findings are self-inflicted ones, hazards and violations, as `cowpath findings`
-- lists them. Pages and copies of a sealed recording were counted when it was closed.
SELECT (SELECT coalesce(sum(events), 0) FROM event_block) AS events,
       coalesce((SELECT total FROM sealed_total WHERE name = 'pages'),
                (SELECT count(*) FROM (SELECT DISTINCT mm, vpn FROM slot))) AS pages,
       coalesce((SELECT total FROM sealed_total WHERE name = 'copies'), (SELECT count(*) FROM edge)) AS copies,
       (SELECT count(*) FROM finding WHERE verdict >= 3) AS findings,
       (SELECT coalesce(sum(events), 0) FROM gap WHERE reason <> 'retention') AS lost
FROM recording;
