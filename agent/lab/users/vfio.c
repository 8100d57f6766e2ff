// SPDX-License-Identifier: MIT
/*
 * vfio PAGES: lets QEMU's edu device reach PAGES pages through the IOMMU (VFIO type 1), lets it copy the
 * first page to the last after a fork and a write, and takes the right away again. Needs `-machine q35
 * -device intel-iommu -device edu`, `intel_iommu=on` and the modules vfio-pci and vfio_iommu_type1. Exit
 * status 1 if the device and the program see different memory, or if the kernel counted other pins than one a
 * page.
 *
 * Registers of the device: QEMU docs/specs/edu.rst.
 */
#include <dirent.h>
#include <linux/vfio.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "user.h"

#define DEVICES "/sys/bus/pci/devices"
#define IOVA 0x1000000UL /* the device addresses 28 bits */
#define DEVICE_BUFFER 0x40000UL
#define DMA_SOURCE 0x80
#define DMA_TARGET 0x88
#define DMA_BYTES 0x90
#define DMA_COMMAND 0x98
#define DMA_START 1UL
#define DMA_TO_MEMORY 2UL
#define PCI_COMMAND 4
#define PCI_BUS_MASTER 6 /* memory space and bus master */

/* The device's address, as 0000:00:03.0. */
static void find_edu(char *address, size_t bytes)
{
	DIR *devices = opendir(DEVICES);
	struct dirent *entry;

	while (devices && (entry = readdir(devices))) {
		char path[400], vendor[16] = "";
		int file;

		snprintf(path, sizeof(path), DEVICES "/%s/vendor", entry->d_name);
		file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			continue;
		if (read(file, vendor, sizeof(vendor) - 1) > 0 && !strncmp(vendor, "0x1234", 6)) {
			snprintf(address, bytes, "%s", entry->d_name);
			close(file);
			closedir(devices);
			return;
		}
		close(file);
	}
	fprintf(stderr, "vfio: no edu device: boot with -device edu\n");
	exit(2);
}

static void tell_file(const char *path, const char *words)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, words, strlen(words)) < 0)
		die(path);
	close(file);
}

/* Gives the device to vfio-pci; returns the number of its group. */
static long bind_device(const char *address)
{
	char path[400], group[400];
	ssize_t length;

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", address);
	tell_file(path, "vfio-pci");
	tell_file("/sys/bus/pci/drivers_probe", address);
	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", address);
	length = readlink(path, group, sizeof(group) - 1);
	if (length < 0) {
		fprintf(stderr, "vfio: the device has no IOMMU: boot with intel_iommu=on\n");
		exit(2);
	}
	group[length] = 0;
	return strtol(strrchr(group, '/') + 1, NULL, 10);
}

static int open_container(long group, int *group_file)
{
	char path[64];
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	snprintf(path, sizeof(path), "/dev/vfio/%ld", group);
	*group_file = open(path, O_RDWR | O_CLOEXEC);
	if (container < 0 || *group_file < 0)
		die("/dev/vfio");
	if (ioctl(*group_file, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("VFIO type 1");
	return container;
}

static volatile uint8_t *map_registers(int device)
{
	struct vfio_region_info bar = {.argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX};
	struct vfio_region_info config = {.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t command = PCI_BUS_MASTER;
	void *registers;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		die("VFIO_DEVICE_GET_REGION_INFO");
	if (pwrite(device, &command, sizeof(command), config.offset + PCI_COMMAND) != sizeof(command))
		die("bus master");
	registers = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	if (registers == MAP_FAILED)
		die("registers");
	return registers;
}

static void transfer(volatile uint8_t *registers, uint64_t from, uint64_t to, uint64_t command)
{
	volatile uint64_t *busy = (volatile uint64_t *)(registers + DMA_COMMAND);

	*(volatile uint64_t *)(registers + DMA_SOURCE) = from;
	*(volatile uint64_t *)(registers + DMA_TARGET) = to;
	*(volatile uint64_t *)(registers + DMA_BYTES) = 64;
	*busy = command | DMA_START;
	while (*busy & DMA_START)
		usleep(1000);
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE};
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = IOVA};
	char address[256], *memory, *last;
	int container, group, device;
	char seen;
	volatile uint8_t *registers;
	struct pin_counts before;
	pid_t child;

	if (pages < 2 || pages > 4096) {
		fprintf(stderr, "usage: vfio [PAGES] (2 to 4096)\n");
		return 2;
	}
	find_edu(address, sizeof(address));
	container = open_container(bind_device(address), &group);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device < 0)
		die("VFIO_GROUP_GET_DEVICE_FD");
	registers = map_registers(device);

	memory = tell_pages(pages);
	last = memory + (pages - 1) * PAGE_BYTES;
	before = count_pins();
	map.vaddr = (uintptr_t)memory;
	map.iova = IOVA;
	map.size = unmap.size = pages * PAGE_BYTES;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		die("VFIO_IOMMU_MAP_DMA");

	child = fork();
	if (child == 0)
		pause();
	/* 'a' in the last page: the device reads an old first page. 'z': what it wrote is not seen. */
	write_page(memory, 'b');
	write_page(last, 'z');
	transfer(registers, IOVA, DEVICE_BUFFER, 0);
	transfer(registers, DEVICE_BUFFER, IOVA + (pages - 1) * PAGE_BYTES, DMA_TO_MEMORY);
	seen = *(volatile char *)last;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		die("VFIO_IOMMU_UNMAP_DMA");
	return tell_end("vfio", getpid(), memory, pages, before, pages) || seen != 'b';
}
