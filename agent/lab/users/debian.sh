#!/bin/sh
# debian.sh COMMAND..: runs COMMAND in the Debian root on /data (--disk debian). What is written there is gone with the
# guest.
mount --bind /proc /data/proc
mount --bind /sys /data/sys
mount --bind /dev /data/dev
mount -t tmpfs tmpfs /data/tmp
cp /bin/users-* /data/tmp/ 2>/dev/null
cd /data && exec chroot /data /usr/bin/env PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp "$@"
