-- One page that shows most at a glance: copied from a copy, so three generations, and about three times.
WITH told AS (
  SELECT e.mm, e.vpn, count(*) AS copies, max(e.to_frame) AS frame,
         max((SELECT p.origin FROM frame p WHERE p.frame = e.from_frame) IS NOT NULL) AS from_a_copy
  FROM edge e
  GROUP BY e.mm, e.vpn
)
SELECT m.tgid, t.vpn, f.pfn
FROM told t JOIN frame f ON f.frame = t.frame LEFT JOIN v_mm m ON m.mm = t.mm
ORDER BY t.from_a_copy DESC, abs(t.copies - 3), t.mm, t.vpn
LIMIT 1;
