/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the kernel at an address that is a number. bpf_probe_read_kernel() is a call of some 80
 * instructions. Since 6.2 a number may be taken for a pointer to a struct of the kernel's: a load from there
 * is some eight, and yields 0 where nothing is. The struct is pt_regs, for it is nothing but numbers.
 */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

#define AS_NUMBERS(address) \
	((struct pt_regs *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(struct pt_regs)))

/* 0 where that cannot be read. */
#define READ_KERNEL(type, address)                                                       \
	({                                                                               \
		u64 read_from = (u64)(address);                                          \
		type value = 0;                                                          \
                                                                                         \
		if (config.casts)                                                        \
			value = *(const volatile type *)&AS_NUMBERS(read_from)->r15;     \
		else                                                                     \
			bpf_probe_read_kernel(&value, sizeof(value), (void *)read_from); \
		value;                                                                   \
	})

#define KERNEL_S32(address) READ_KERNEL(s32, address)
