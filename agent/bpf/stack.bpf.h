/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call stacks, each kept once. A record names one of the kernel by `head.stack`, one of the process by its
 * own `user_stack`; user space reads it from these maps and makes names of its addresses.
 */
#define STACKS 4096 /* head.stack is 16 bits wide */
#define STACK_DEPTH 32

struct call_stack {
	u64 address[STACK_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, STACKS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct call_stack));
} stacks SEC(".maps");

/* More of them than of the kernel's: programs differ. */
#define USER_STACKS 8192

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, USER_STACKS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct call_stack));
} user_stacks SEC(".maps");

/* What is unwound, by user space's choice, which changes as clients come and go. */
#define STACKS_KERNEL 1
#define STACKS_USER 2

u32 stacks_wanted SEC(".data.stacks");

static __always_inline bool are_wanted(u32 which)
{
	return *(volatile u32 *)&stacks_wanted & which;
}

/*
 * Unwinding takes some 7,000 instructions, most of a record that has a stack, and most stacks were seen
 * before. So it is done once: where it is, what stands between two return addresses is kept as the size of
 * the first one's frame (of a function that calls, at one place, it is always the same). Afterwards a stack
 * is walked by these sizes, each address is looked at in its place, and their hash finds the number again.
 *
 * A size is learned only where the next address stands at one single place above: what earlier calls left
 * behind on the stack could be taken for it otherwise. The hash that a number is kept under is of addresses
 * that were unwound, so whatever is found by walking is a stack that was there. A function that aligns its
 * stack to 16 bytes has a frame of either of two sizes (__do_sys_vmsplice() of Debian's 6.1): of the two
 * words where the next address may stand only one must look like code, or the stack is unwound. In other
 * frames the return address stands twice (7.2's __do_sys_vmsplice(), seen in the lab): a word or two apart,
 * and it is taken where it does, whenever it is walked. The system call's own frame differs from call to call
 * (randomize_kstack_offset): where the walk comes to it, it ends, since above it is nothing but the entry.
 * What is on no task's stack, or cannot be walked to its end, is unwound.
 */
#define STACK_BYTES 16384   /* arch/x86/include/asm/page_64_types.h, THREAD_SIZE without KASAN */
#define USER_REGS_BYTES 168 /* struct pt_regs, at the end of the stack */
/* Above these, where CONFIG_X86_FRED is set: what is at the bottom may be so far below. */
#define PADDING_WORDS 2
#define MOST_STACK_WORDS 384
#define MOST_WALKED 28
/* On a CPU, after a few at once: where nothing can be learned, that costs some 2 % of it. */
#define LEARN_EACH_NS 1000000
#define LEARN_AT_ONCE 4

/* Who wants a stack: from where its context stands to the first return address it is always as far. */
enum stack_hook {
	STACK_FAST = 1,
	STACK_LONGTERM,
	STACK_SLOW,
	STACK_PMD,
	STACK_PMD_LOCKED,
	STACK_PMD_EXIT,
	STACK_FOLIO,
	STACK_MEMFD,
};

#define MOST_BELOW 4

enum learned {
	LEARNED_NOTHING,
	LEARNED_BELOW,
	LEARNED_SIZE,
	LEARNED_LAST,
	LEARNED_BOTTOM,
};

/* Programs may be preempted: whoever takes this over writes its tid. */
struct stack_words {
	u64 tid;
	u64 next_ns; /* when the next may be learned; the past is what may be at once */
	u32 count;
	u32 matches;
	u32 place;
	u32 at;
	u32 from;
	u32 first;
	u64 address[STACK_DEPTH];
	u64 word[MOST_STACK_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack_words);
} stack_words SEC(".maps");

/* One word each, so never torn: above the last 16 bits what it is of, in these the value. */
#define VALUE_BITS 16
#define VALUE_MASK ((1 << VALUE_BITS) - 1)
#define SIZES_SHIFT 13
#define KNOWN_SHIFT 12
#define LAST_FRAME VALUE_MASK
#define COPIED_SIZE (1 << 15) /* to the copy of the address */
#define EITHER_SIZE (1 << 14) /* or a word more */
#define SIZE_MASK (EITHER_SIZE - 1)
#define NO_SIZE SIZE_MASK /* of more than two */

/* Sizes of frames in words, by return address, or from a hook's context on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SIZES_SHIFT);
	__type(key, u32);
	__type(value, u64);
} frame_sizes SEC(".maps");

/* Numbers of stacks, by their hash. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << KNOWN_SHIFT);
	__type(key, u32);
	__type(value, u64);
} known_stacks SEC(".maps");

static __always_inline u64 *size_of_frame(u64 address)
{
	u32 place = (u32)address * 0x9e3779b1U >> (32 - SIZES_SHIFT);

	return bpf_map_lookup_elem(&frame_sizes, &place);
}

static __always_inline bool is_of(u64 entry, u64 address)
{
	return entry >> VALUE_BITS == address << VALUE_BITS >> VALUE_BITS;
}

/* Of the kernel or a module: arch/x86/include/asm/page_64_types.h, __START_KERNEL_map. */
static __always_inline bool may_be_code(u64 word)
{
	return word >= 0xffffffff80000000ULL;
}

static __always_inline u64 stack_hash(u64 hash, u64 address)
{
	hash = (hash ^ address) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/*
 * Where the next address is, of two or three words from `frame` on; 0: that cannot be told. A function by
 * itself, so that the verifier does not see several ways through each pass of the walk.
 */
__noinline u64 settled_frame(u64 frame, u32 is_copied)
{
	u64 address = READ_KERNEL(u64, frame), above = READ_KERNEL(u64, frame + sizeof(u64));

	if (!is_copied) {
		if (may_be_code(address) == may_be_code(above))
			return 0;
		return may_be_code(above) ? frame + sizeof(u64) : frame;
	}
	if (above == address)
		return frame + sizeof(u64);
	above = READ_KERNEL(u64, frame + 2 * sizeof(u64));
	return above == address ? frame + 2 * sizeof(u64) : 0;
}

/* The hash of the stack from `frame` on, 0: it cannot be walked. `bottom` is its last word. */
__noinline u64 walk_stack(u64 frame, u64 bottom, u32 hook)
{
	u64 address = hook, hash = hook, *entry;
	u32 i, size;

	for (i = 0; i < MOST_WALKED; i++) {
		entry = size_of_frame(address);
		if (!entry || !is_of(*entry, address))
			return 0;
		size = *entry & VALUE_MASK;
		if (size == LAST_FRAME)
			return hash;
		frame += (size & SIZE_MASK) * sizeof(u64);
		/* Of NO_SIZE, too. */
		if (frame > bottom)
			return 0;
		if (size & (COPIED_SIZE | EITHER_SIZE))
			frame = settled_frame(frame, size & COPIED_SIZE);
		if (!frame)
			return 0;
		address = READ_KERNEL(u64, frame);
		hash = stack_hash(hash, address);
		if (frame + PADDING_WORDS * sizeof(u64) >= bottom)
			return hash;
	}
	return 0;
}

static __always_inline struct stack_words *words_of_stack(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&stack_words, &zero);
}

/* Counts where `address` stands among the words from words->from on. */
__noinline u32 find_word(u64 address)
{
	struct stack_words *words = words_of_stack();
	u32 i;

	if (!words)
		return 0;
	words->matches = 0;
	for (i = 0; i < MOST_STACK_WORDS && i < *(volatile u32 *)&words->count; i++) {
		if (words->word[i] != address || i < *(volatile u32 *)&words->from)
			continue;
		words->first = words->place; /* of two */
		words->matches++;
		words->place = i;
	}
	return 0;
}

/* Beyond the last stands what a longer stack left there. */
static __always_inline u64 word_at(const struct stack_words *words, u32 place)
{
	if (place >= MOST_STACK_WORDS || place >= *(const volatile u32 *)&words->count)
		return 0;
	return words->word[place];
}

static __always_inline bool is_bottom(const struct stack_words *words, u32 place)
{
	return place + 1 + PADDING_WORDS >= words->count;
}

/* Where the next address is, in words->place, with words->matches 1 if that is sure. */
static __always_inline void find_next(struct stack_words *words, u64 next, bool is_last, u32 from)
{
	u32 bottom = words->count - 1;

	/* Where it stands at the bottom, it is the last one, whatever stands below. */
	if (is_last && word_at(words, bottom) != next)
		bottom -= PADDING_WORDS;
	if (is_last && word_at(words, bottom) == next) {
		words->place = bottom;
		words->matches = 1;
	} else {
		words->from = from;
		find_word(next);
	}
}

/* Whether what was found are an address and its copy. */
static __always_inline bool is_copied(const struct stack_words *words)
{
	return words->matches == 2 && words->place - words->first <= 2;
}

/* Where `next` stands above its copy at `place`, 0: it does not. */
static __always_inline u32 above_copy(const struct stack_words *words, u32 place, u64 next)
{
	if (word_at(words, place) != next)
		return 0;
	if (word_at(words, place + 1) == next)
		return place + 1;
	return word_at(words, place + 2) == next ? place + 2 : 0;
}

/*
 * The frame of `address` ends where `next` stands: its size is kept, or that it is the last one whose place
 * can be told. What the loop around this goes by is kept in memory: the
 * verifier would tell its passes apart otherwise.
 */
__noinline u32 learn_frame(u64 address, u64 next, u32 is_last)
{
	struct stack_words *words = words_of_stack();
	u32 tid = (u32)bpf_get_current_pid_tgid(), size = 0, before, learned;
	u64 *entry = size_of_frame(address);
	bool is_hook = address <= STACK_MEMFD;

	if (!words || !entry)
		return LEARNED_NOTHING;
	if (is_of(*entry, address))
		size = *entry & VALUE_MASK;
	if (size == LAST_FRAME)
		return LEARNED_LAST;
	if (size == NO_SIZE)
		return LEARNED_NOTHING;
	if (size & COPIED_SIZE) {
		words->place = above_copy(words, words->at + (size & SIZE_MASK), next);
		if (!words->place)
			return LEARNED_NOTHING;
		words->at = words->place;
		return is_bottom(words, words->at) ? LEARNED_BOTTOM : LEARNED_SIZE;
	}
	if (size & EITHER_SIZE) {
		size &= SIZE_MASK;
		if (word_at(words, words->at + size) == next) {
			if (word_at(words, words->at + size + 1) == next)
				return LEARNED_NOTHING;
		} else if (word_at(words, words->at + ++size) != next) {
			*entry = address << VALUE_BITS | NO_SIZE;
			return LEARNED_NOTHING;
		}
	}
	if (!size || word_at(words, words->at + size) != next) {
		find_next(words, next, is_last, is_hook ? 0 : words->at + 1);
		/* Innermost is what is below the context: our program and its trampoline. */
		if (is_hook && !words->matches)
			return LEARNED_BELOW;
		if (*(volatile u64 *)&words->tid != tid)
			return LEARNED_NOTHING;
		if (!size && !is_hook && is_copied(words)) {
			size = (words->first - words->at) & SIZE_MASK;
			*entry = address << VALUE_BITS | COPIED_SIZE | size;
			words->at = words->place;
			return is_bottom(words, words->at) ? LEARNED_BOTTOM : LEARNED_SIZE;
		}
		if (words->matches != 1)
			return LEARNED_NOTHING;
		if (size && !is_hook && is_bottom(words, words->place)) {
			*entry = address << VALUE_BITS | LAST_FRAME;
			return LEARNED_LAST;
		}
		before = size;
		size = (words->place - words->at) & SIZE_MASK;
		learned = size;
		if (before && !is_hook)
			learned = size == before + 1   ? before | EITHER_SIZE
				  : size + 1 == before ? size | EITHER_SIZE
						       : NO_SIZE;
		*entry = address << VALUE_BITS | learned;
	}
	words->at += size;
	return is_bottom(words, words->at) ? LEARNED_BOTTOM : LEARNED_SIZE;
}

/* Of a stack that was unwound: the hash that walking it gives from now on, or 0. */
__noinline u64 learn_stack(u32 hook)
{
	struct stack_words *words = words_of_stack();
	u64 address = hook, hash = hook, next;
	u32 i, learned;

	if (!words)
		return 0;
	words->at = 0;
	for (i = 0; i < MOST_WALKED; i++) {
		next = words->address[i];
		if (!next)
			return 0;
		learned = learn_frame(address, next, !words->address[i + 1]);
		if (learned == LEARNED_BELOW && i < MOST_BELOW)
			continue;
		if (learned == LEARNED_LAST)
			return hash;
		if (learned != LEARNED_SIZE && learned != LEARNED_BOTTOM)
			return 0;
		address = next;
		hash = stack_hash(hash, next);
		if (learned == LEARNED_BOTTOM)
			return hash;
	}
	return 0;
}

/*
 * A stack whose place another one holds is tried again without its innermost frame, which is the program
 * itself: its hash is another one then, and an entry once written is never replaced.
 */
static __always_inline u16 unwind_stack(void *ctx)
{
	s64 id = bpf_get_stackid(ctx, &stacks, 0);

	if (id < 0)
		id = bpf_get_stackid(ctx, &stacks, 1);
	return id < 0 ? 0 : id + 1;
}

/* Unwinds once more, into the words, and learns. */
static __always_inline u64 learn(void *ctx, u64 frame, u64 bottom, u32 hook)
{
	struct stack_words *words = words_of_stack();
	u64 bytes = bottom + sizeof(u64) - frame, now = bpf_ktime_get_ns();

	if (!words || bytes - 1 >= sizeof(words->word) || words->next_ns > now)
		return 0;
	if (words->next_ns + LEARN_AT_ONCE * LEARN_EACH_NS < now)
		words->next_ns = now - LEARN_AT_ONCE * LEARN_EACH_NS;
	words->next_ns += LEARN_EACH_NS;
	*(volatile u64 *)&words->tid = (u32)bpf_get_current_pid_tgid();
	words->count = bytes / sizeof(u64);
	__builtin_memset(words->address, 0, sizeof(words->address));
	if (bpf_get_stack(ctx, words->address, sizeof(words->address), 0) <= 0)
		return 0;
	asm volatile("" : "+r"(bytes));
	if (bytes > sizeof(words->word) || bpf_probe_read_kernel(words->word, bytes, (void *)frame))
		return 0;
	return learn_stack(hook);
}

/* The stack that the hook runs on, for head.stack: 0 where it could not be had. `ctx` is the program's own.
 */
static __always_inline u16 stack_of_now(void *ctx, enum stack_hook hook)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 base = (u64)BPF_CORE_READ(task, stack), frame, bottom, hash, *known;
	u32 low, place;
	u16 stack;

	if (!are_wanted(STACKS_KERNEL))
		return 0;
	/* The verifier lets nobody reckon with a context, but forgets the type of its lower half. */
	asm volatile("%0 = %1" : "=w"(low) : "w"((u32)(u64)ctx));
	low -= (u32)base;
	if (bpf_core_field_exists(struct task_struct___kasan, kasan_depth) || low >= STACK_BYTES)
		return unwind_stack(ctx);
	frame = base + low;
	bottom = base + STACK_BYTES - USER_REGS_BYTES - sizeof(u64);
	hash = walk_stack(frame, bottom, hook);
	place = hash & ((1 << KNOWN_SHIFT) - 1);
	known = bpf_map_lookup_elem(&known_stacks, &place);
	if (hash && known && is_of(*known, hash >> VALUE_BITS))
		return *known;
	stack = unwind_stack(ctx);
	hash = learn(ctx, frame, bottom, hook);
	place = hash & ((1 << KNOWN_SHIFT) - 1);
	known = bpf_map_lookup_elem(&known_stacks, &place);
	if (hash && known && stack)
		*known = hash >> VALUE_BITS << VALUE_BITS | stack;
	return stack;
}

/*
 * The stack in user mode of the task that the hook runs in, as far as its frame pointers lead: 0 where nobody
 * wants it, and where there is none, as in kernel threads.
 */
static __always_inline u16 user_stack_of_now(void *ctx)
{
	s64 id;

	if (!are_wanted(STACKS_USER))
		return 0;
	id = bpf_get_stackid(ctx, &user_stacks, BPF_F_USER_STACK);
	if (id < 0)
		id = bpf_get_stackid(ctx, &user_stacks, BPF_F_USER_STACK | 1);
	return id < 0 ? 0 : id + 1;
}
