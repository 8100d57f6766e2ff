-- The first and the last observation of a finding, with who took the reference.
-- :finding number of the finding
SELECT e.which, e.run, e.seq, e.time_ns, e.kind, e.outcome, e.tgid, e.tid, e.mm, e.vpn, e.old_pfn, e.new_pfn, e.flags,
       e.refcount, e.mapcount, e.pincount, e.reference_kind, e.reference_write, e.reference_longterm, e.reference_tgid,
       e.reference_vpn, e.reference_taken_ns, nullif(s.taker, '') AS taker, s.frames, e.words
FROM evidence e
LEFT JOIN stack s ON s.run = e.run AND s.stack = e.reference_stack
WHERE e.finding = :finding
ORDER BY e.which;
