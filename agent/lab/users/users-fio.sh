#!/bin/bash
# fio ENGINE [OPTION..]: 512 O_DIRECT transfers of 16 KiB, 2,048 pages, by that engine.
engine=$1
shift
cd /tmp || exit 2
exec fio --name=a --filename=/fio.dat --size=8M --direct=1 --rw=randrw --iodepth=8 --bs=16k --number_ios=512 \
	--ioengine="$engine" --output-format=terse --output=/tmp/fio.out "$@"
