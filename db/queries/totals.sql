-- What a recording holds, in one row. Findings are self-inflicted ones, hazards and violations, as `cowpath findings`
-- lists them. Pages and copies of a sealed recording were counted when it was closed.
SELECT (SELECT coalesce(sum(events), 0) FROM event_block) AS events,
       coalesce((SELECT total FROM sealed_total WHERE name = 'pages'),
                (SELECT count(*) FROM (SELECT mm, vpn FROM frame WHERE slot IS NOT NULL UNION SELECT mm, vpn FROM mapping
                       UNION SELECT h.mm, h.vpn + j.key FROM shared h CROSS JOIN json_each(h.frame_list) j))) AS pages,
       coalesce((SELECT total FROM sealed_total WHERE name = 'copies'), (SELECT count(*) FROM edge)) AS copies,
       (SELECT count(*) FROM finding WHERE verdict >= 3) AS findings,
       (SELECT coalesce(sum(events), 0) FROM gap WHERE reason <> 'retention') AS lost
FROM recording;
