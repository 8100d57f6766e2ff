#!/bin/sh
# Cost of tracing a copying and a reusing write fault, in one boot: alone, with the agent on this process, with the
# agent on another, and with bpftrace where a disk has it. To be run under --icount, where a nanosecond is an
# instruction. Prints lines `CASE JSON`, and `CASE consumer NS` for the CPU time of what listened.
run() {
	bench_cow 5000 3 | tail -n 2 | sed "s/^/$1 /"
}

traced() {
	: >"/tmp/$1.err"
	cowpath-agent serve --listen "unix:///tmp/$1.sock" --comm "$2" 2>"/tmp/$1.err" &
	agent=$!
	until grep -q serving "/tmp/$1.err"; do
		kill -0 $agent 2>/dev/null || { cat "/tmp/$1.err"; return 1; }
		sleep 0.2
	done
	sleep 1
	for thread in /proc/$agent/task/*; do cut -d' ' -f1 "$thread/schedstat"; done >/tmp/before
	run "$1"
	sleep 0.5
	for thread in /proc/$agent/task/*; do cut -d' ' -f1 "$thread/schedstat"; done >/tmp/after
	echo "$1 consumer $(($(awk '{ s += $1 } END { printf "%d", s }' /tmp/after) - $(awk '{ s += $1 } END { printf "%d", s }' /tmp/before)))"
	kill $agent
	wait $agent 2>/dev/null
}

run alone
traced target bench_cow
traced other nobody
if [ -b /dev/vda ]; then
	mkdir -p /tmp/root
	mount -t ext4 /dev/vda /tmp/root || exit 1
	for folder in proc sys dev tmp; do mount -o bind /$folder /tmp/root/$folder; done
	mount -t tracefs tracefs /tmp/root/sys/kernel/tracing 2>/dev/null
	rmap=folio_add_new_anon_rmap
	grep -qw $rmap /proc/kallsyms || rmap=page_add_new_anon_rmap
	sed "s/RMAP/$rmap/" /bin/bench_cow.bt >/tmp/cow.bt
	BPFTRACE_PERF_RB_PAGES=4096 chroot /tmp/root /usr/bin/bpftrace -o /tmp/bpftrace.out /tmp/cow.bt bench_cow >/tmp/bpftrace.log 2>&1 &
	tracer=$!
	until grep -q Attaching /tmp/bpftrace.out /tmp/bpftrace.log 2>/dev/null; do
		kill -0 $tracer 2>/dev/null || { cat /tmp/bpftrace.log; exit 1; }
		sleep 0.2
	done
	sleep 5
	before=$(cut -d' ' -f1 /proc/$tracer/schedstat)
	lines=$(wc -l </tmp/bpftrace.out)
	run bpftrace
	sleep 5
	echo "bpftrace consumer $(($(cut -d' ' -f1 /proc/$tracer/schedstat) - before))"
	echo "bpftrace lines $(($(wc -l </tmp/bpftrace.out) - lines))"
	kill -9 $tracer
fi
