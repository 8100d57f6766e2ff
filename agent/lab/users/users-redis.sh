#!/bin/bash
# Redis saves a snapshot (BGSAVE: a fork) while a benchmark writes, and prints how many bytes of its own the child ended
# with, as Redis itself reads them from /proc/PID/smaps. Huge pages are off: then every such byte was copied by a fault.
echo never >/sys/kernel/mm/transparent_hugepage/enabled
cd /tmp || exit 2
persistence() { redis-cli info persistence | tr -d '\r'; }
redis-server --save "" --appendonly no --daemonize yes --dir /tmp --logfile /tmp/log >/dev/null
until redis-cli ping >/dev/null 2>&1; do sleep 0.5; done
redis-benchmark -q -t set -n 30000 -r 30000 -d 512 -P 32 -c 4 >/dev/null
redis-cli config set rdb-key-save-delay 100 >/dev/null
redis-cli bgsave >/dev/null
redis-benchmark -q -t set -n 10000 -r 30000 -d 512 -P 32 -c 4 >/dev/null
for ((round = 0; round < 60; round++)); do
	state=$(persistence)
	[[ $state == *rdb_bgsave_in_progress:0* ]] && break
	sleep 1
done
while read -r line; do
	[[ $line == rdb_last_cow_size:* || $line == rdb_last_bgsave_status:* ]] && echo "$line"
done <<<"$state"
redis-cli shutdown nosave
