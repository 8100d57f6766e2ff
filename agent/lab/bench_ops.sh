#!/bin/sh
# Cost of tracing the operations of bench_ops, in one boot: alone, with an agent on another process that does not count,
# with one that only counts, with one on another process and on this one, and the same with bpftrace where a disk has it.
# Arguments are operations of bench_ops; none: all. To be run under --icount, where a nanosecond is an instruction. Prints lines `CASE JSON`; `CASE start JSON` and
# `CASE idle JSON` say what the agent itself took.
SECONDS_IDLE=10
operations=$*

run() {
	bench_ops 7 ${2:-0} $operations | sed "s/^/$1 /"
}

# CPU time of a process, in ns.
spent() {
	for thread in /proc/$1/task/*; do cut -d' ' -f1 "$thread/schedstat"; done |
		awk '{ s += $1 } END { printf "%.0f", s }'
}

memory() {
	awk -v name="$2:" '$1 == name { print $2 }' /proc/$1/status
}

# traced CASE ARGUMENT..: the agent with those arguments.
traced() {
	name=$1
	shift
	: >"/tmp/$name.err"
	cowpath-agent serve --listen "unix:///tmp/$name.sock" "$@" 2>"/tmp/$name.err" &
	agent=$!
	until grep -q serving "/tmp/$name.err"; do
		kill -0 $agent 2>/dev/null || { cat "/tmp/$name.err"; return 1; }
		sleep 0.2
	done
	echo "$name start {\"start_cpu_ns\":$(spent $agent),\"peak_kb\":$(memory $agent VmHWM)}"
	sleep 2
	before=$(spent $agent)
	sleep $SECONDS_IDLE
	echo "$name idle {\"idle_cpu_ns\":$(((($(spent $agent) - before)) / SECONDS_IDLE)),\"idle_kb\":$(memory $agent VmRSS)}"
	run "$name" $agent
	kill $agent
	wait $agent 2>/dev/null
}

# The first of several names that this kernel has a function of.
first_of() {
	for name in "$@"; do
		grep -qw "$name" /proc/kallsyms && { echo "$name"; return; }
	done
}

# The script with this kernel's names.
script() {
	rmap=$(first_of folio_add_new_anon_rmap page_add_new_anon_rmap)
	fast=$(first_of gup_fast_fallback internal_get_user_pages_fast)
	pmd=$(first_of split_huge_pmd_locked __split_huge_pmd)
	split=$(first_of __folio_split split_huge_page_to_list)
	folio=page flags=
	[ "$split" = __folio_split ] && folio=folio flags=.f
	vmemmap=$(printf '*(uint64 *)0x%s' "$(awk '$3 == "vmemmap_base" { print $1 }' /proc/kallsyms)")
	sed "s/RMAP/$rmap/; s/FAST/$fast/; s/SPLIT_PMD/$pmd/; s/SPLIT_FOLIO/$split/; s/FOLIO/$folio/; s/FLAGS/$flags/; s/VMEMMAP/$vmemmap/" /bin/bench_ops.bt
}

# bpftraced CASE COMM
bpftraced() {
	rm -f /tmp/bpftrace.out
	BPFTRACE_PERF_RB_PAGES=4096 chroot /tmp/root /usr/bin/bpftrace -o /tmp/bpftrace.out /tmp/ops.bt "$2" >/tmp/bpftrace.log 2>&1 &
	tracer=$!
	until grep -q Attach /tmp/bpftrace.out /tmp/bpftrace.log 2>/dev/null; do
		kill -0 $tracer 2>/dev/null || { cat /tmp/bpftrace.log; return 1; }
		sleep 0.2
	done
	# It says so before it does so.
	sleep 5
	run "$1"
	kill -9 $tracer
	wait $tracer 2>/dev/null
}

# What was never used before costs other than what was, and a copying fault 157 instructions more until some
# 15,000 pages have been taken and freed.
bench_ops 2 >/tmp/warm
for round in 1 2 3; do bench_ops 1 0 faults >/tmp/warm; done
run alone
traced off --comm nobody --counters off
traced counters --on-demand
traced other --comm nobody
traced target --comm bench_ops
if [ -b /dev/vda ]; then
	mkdir -p /tmp/root
	mount -t ext4 /dev/vda /tmp/root || exit 1
	for folder in proc sys dev tmp; do mount -o bind /$folder /tmp/root/$folder; done
	mount -t tracefs tracefs /tmp/root/sys/kernel/tracing 2>/dev/null
	script >/tmp/ops.bt
	bpftraced bpftrace_other nobody
	bpftraced bpftrace bench_ops
fi
exit 0
