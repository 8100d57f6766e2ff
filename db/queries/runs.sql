-- The runs of agents that a recording holds, each with its host.
SELECT r.run, h.host, h.hostname, CAST(h.kernel_release AS TEXT) AS kernel_release, h.cpus, r.agent_version, r.boot_id
FROM run r JOIN host h ON h.host = r.host
ORDER BY r.run;
