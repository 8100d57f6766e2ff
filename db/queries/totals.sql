-- What a recording holds, in one row. Findings are self-inflicted ones, hazards and violations, as `cowpath findings`
-- lists them.
SELECT (SELECT coalesce(sum(events), 0) FROM event_block) AS events,
       (SELECT count(*) FROM (SELECT DISTINCT mm, vpn FROM slot)) AS pages,
       (SELECT count(*) FROM edge) AS copies,
       (SELECT count(*) FROM finding WHERE verdict >= 3) AS findings,
       (SELECT coalesce(sum(events), 0) FROM gap WHERE reason <> 'retention') AS lost
FROM recording;
