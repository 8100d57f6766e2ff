#!/bin/sh
# bpftrace.sh COMMAND: runs the line COMMAND under cowpath.bt, by the bpftrace on /data (--disk bpftrace). What the
# script prints stands between the lines BPFTRACE and END.
for folder in proc sys dev tmp; do mount -o bind /$folder /data/$folder; done
mount -t tracefs tracefs /data/sys/kernel/tracing 2>/dev/null
cp /bin/cowpath.bt /tmp/
sh -c "until [ -e /tmp/go ]; do usleep 100000; done; $1" &
target=$!
BPFTRACE_MAX_MAP_KEYS=100000 chroot /data /usr/bin/bpftrace -f json /tmp/cowpath.bt $target >/tmp/run.json 2>/tmp/bpftrace.err &
tracer=$!
until grep -q '"ready' /tmp/run.json; do
	kill -0 $tracer 2>/dev/null || { cat /tmp/bpftrace.err; exit 1; }
	sleep 1
done
touch /tmp/go
wait $target
status=$?
sleep 2
kill -INT $tracer
wait $tracer
echo BPFTRACE
cat /tmp/run.json
echo END
exit $status
