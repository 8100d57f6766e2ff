// SPDX-License-Identifier: MIT
/*
 * protect: takes the right to write from pages of its own, by mprotect, by soft-dirty tracking and by KSM,
 * and tells which ranges it asked for. /proc/kpageflags says that KSM merged, /proc/self/pagemap that
 * soft-dirty is clear.
 */
#include "expect.h"

#define PAGES 16
#define SOFT_DIRTY 55

static int soft_dirty(const char *page)
{
	return number_at("/proc/self/pagemap", (uintptr_t)page / PAGE_BYTES) >> SOFT_DIRTY & 1;
}

static void by_mprotect(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0);
	char *part = area + 4 * PAGE_BYTES;

	claim(area, PAGES, "wrprotect");
	write_pages(area, PAGES, 'm');
	expect("wrprotect", part, ",\"pages\":8,\"aux\":1");
	if (mprotect(part, 8 * PAGE_BYTES, PROT_READ))
		die("mprotect");
	expect("wrprotect", part, ",\"pages\":8,\"aux\":2");
	if (mprotect(part, 8 * PAGE_BYTES, PROT_READ | PROT_WRITE))
		die("mprotect");
	write_pages(area, PAGES, 'n');
	munmap(area, PAGES * PAGE_BYTES);
}

/* A fault that ends the tracking writes in place: nobody else has the page. */
static void by_soft_dirty(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0);

	claim(area, PAGES, "wrprotect wp-fault");
	write_pages(area, PAGES, 's');
	flush_lru_batch();
	expect("wrprotect", area, ",\"pages\":%d,\"aux\":6", PAGES);
	if (!tell("/proc/self/clear_refs", "4"))
		die("/proc/self/clear_refs");
	must(!soft_dirty(area), "clear_refs leaves no page soft-dirty");
	for (int i = 0; i < PAGES; i++) {
		char *page = area + i * PAGE_BYTES;
		uint64_t pfn = pfn_of(page);

		expect("wp-fault", page, ",\"outcome\":\"reuse\",\"old_pfn\":%lu,\"new_pfn\":%lu", pfn, pfn);
		write_page(page, 't');
		must(soft_dirty(page) && pfn_of(page) == pfn, "a write makes the page soft-dirty in place");
	}
}

/* Two pages that are alike: ksmd protects each before it compares. */
static void by_ksm(void)
{
	char *area = map_alone(2 * PAGE_BYTES, PAGE_BYTES, 0);

	write_pages(area, 2, 'k');
	flush_lru_batch();
	for (int i = 0; i < 2; i++)
		expect("wrprotect", area + i * PAGE_BYTES,
		       ",\"pages\":1,\"aux\":7,\"old_pfn\":%lu,\"mapcount\":1,\"atLeast\":1",
		       pfn_of(area + i * PAGE_BYTES));
	if (madvise(area, 2 * PAGE_BYTES, MADV_MERGEABLE) || !tell("/sys/kernel/mm/ksm/run", "1"))
		die("ksm");
	for (int tries = 0; pfn_of(area) != pfn_of(area + PAGE_BYTES) && tries < 300; tries++)
		usleep(100000);
	tell("/sys/kernel/mm/ksm/run", "0");
	must(pfn_of(area) == pfn_of(area + PAGE_BYTES) && has_flag(pfn_of(area), KPF_KSM),
	     "KSM merges the pages");
}

int main(void)
{
	stay_on_one_cpu();
	by_mprotect();
	by_soft_dirty();
	by_ksm();
	return wrong ? 1 : 0;
}
