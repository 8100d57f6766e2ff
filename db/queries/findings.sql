-- What the rules found, the most alarming first, with the owner and the last evidence.
-- :least verdict at least (number, see word); :verdict that verdict alone (in words), NULL: any
-- :rule 'R05', NULL: any; :tgid of the owner, NULL: any
-- :since_ns observed at or after, :until_ns observed at or before (ns since boot), NULL: any time
-- :limit rows at most
WITH chosen AS (
  SELECT f.*, v.name AS verdict_name,
         coalesce(nullif(f.tgid, 0), (SELECT m.tgid FROM v_mm m WHERE m.mm = f.mm)) AS owner
  FROM finding f LEFT JOIN word v ON v.topic = 'verdict' AND v.number = f.verdict
  WHERE f.verdict >= :least AND (:verdict IS NULL OR v.name = :verdict) AND (:rule IS NULL OR f.rule = :rule)
    AND (:since_ns IS NULL OR f.last_ns >= :since_ns) AND (:until_ns IS NULL OR f.first_ns <= :until_ns)
),
named AS (
  -- Process ids are used again: whoever was in that address space, else who had the id then.
  SELECT c.*, coalesce(
           (SELECT max(p.process) FROM process p WHERE p.tgid = c.owner AND p.mm = c.mm),
           (SELECT max(p.process) FROM process p WHERE p.tgid = c.owner AND p.seen_ns <= c.last_ns),
           (SELECT min(p.process) FROM process p WHERE p.tgid = c.owner)) AS process
  FROM chosen c
  WHERE :tgid IS NULL OR c.owner = :tgid
)
SELECT n.finding, n.rule, coalesce(n.verdict_name, 'verdict ' || n.verdict) AS verdict, n.count, n.first_ns, n.last_ns,
       n.owner AS tgid,
       coalesce(nullif(p.parent_tgid, 0), (SELECT k.parent_tgid FROM fork k WHERE k.child_mm = n.mm)) AS parent_tgid,
       p.comm, n.mm, e.vpn, coalesce(nullif(e.old_pfn, 0), e.new_pfn) AS pfn, n.size, n.cause,
       nullif(n.cause_tgid, 0) AS cause_tgid,
       (SELECT q.comm FROM process q WHERE q.tgid = n.cause_tgid ORDER BY q.process DESC LIMIT 1) AS cause_comm,
       e.reference_kind, e.reference_write, e.reference_longterm, nullif(s.taker, '') AS taker, s.frames, e.reference_tgid,
       (SELECT q.comm FROM process q WHERE q.tgid = e.reference_tgid ORDER BY q.process DESC LIMIT 1) AS reference_comm,
       e.reference_taken_ns, e.pin, e.run, b.seq AS first_seq, e.seq AS last_seq, e.refcount, e.mapcount, e.pincount,
       e.words
FROM named n
LEFT JOIN process p ON p.process = n.process
LEFT JOIN evidence b ON b.finding = n.finding AND b.which = 'first'
LEFT JOIN evidence e ON e.finding = n.finding AND e.which = 'last'
LEFT JOIN stack s ON s.run = e.run AND s.stack = e.reference_stack
ORDER BY n.verdict DESC, n.last_ns DESC, n.finding
LIMIT :limit;
