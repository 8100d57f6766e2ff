-- What each agent could see: its legs with their books. seen = submitted + ring_full + filtered + throttled + missed.
SELECT l.run, h.hostname, h.kernel_release, l.name, l.attached, l.hook, l.seen, l.submitted, l.ring_full, l.filtered,
       l.throttled, l.missed
FROM leg l JOIN run r ON r.run = l.run JOIN host h ON h.host = r.host
ORDER BY l.run, l.name;
