-- What every process did since the agent attached, traced or not, as its counters stood last.
-- One row a process of a host; of several runs of the agent the sums. Process 0: what is of no process that is named.
-- hostname: NULL where the recording is of one host.
SELECT iif((SELECT count(*) > 1 FROM host), h.hostname, NULL) AS hostname, c.tgid, max(c.comm) AS comm, c.start_time_ns AS start_ns,
       max(c.ended) AS ended, sum(c.faults) AS faults, sum(c.huge_faults) AS huge_faults, sum(c.hugetlb_faults) AS hugetlb_faults,
       sum(c.copies) AS copies, sum(c.unshares) AS unshares, sum(c.reuses) AS reuses, sum(c.copied_bytes) AS copied_bytes,
       sum(c.forks) AS forks, sum(c.fork_vmas) AS fork_vmas, sum(c.execs) AS execs, sum(c.unmaps) AS unmaps, sum(c.gups) AS gups,
       sum(c.gup_pages) AS gup_pages, sum(c.pins_taken) AS pins_taken, sum(c.pins_returned) AS pins_returned,
       sum(c.swap_outs) AS swap_outs, sum(c.swap_ins) AS swap_ins, sum(c.ksm_merges) AS ksm_merges, sum(c.pmd_splits) AS pmd_splits,
       sum(c.folio_splits) AS folio_splits, sum(c.collapses) AS collapses, sum(c.migrations) AS migrations,
       max(0, sum(c.pins_taken) - sum(c.pins_returned)) AS pins_outstanding
FROM counter c JOIN run r ON r.run = c.run JOIN host h ON h.host = r.host
GROUP BY h.host, c.tgid, c.start_time_ns
ORDER BY h.host, c.tgid, c.start_time_ns;
