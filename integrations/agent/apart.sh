#!/bin/sh
# apart.sh HIDDEN SHARED PYTHON RELAY PORT:SOCKET... -- COMMAND...: run COMMAND where HIDDEN is empty, SHARED is /mnt,
# and each PORT of loopback leads to a server outside, through the Unix socket SOCKET. For `unshare --user --mount --net`.
set -eu
hidden=$1 shared=$2 python=$3 relay=$4 relays= count=0
shift 4
ip link set lo up
mount --bind "$shared" /mnt
mount -t tmpfs none "$hidden"
while [ "$1" != -- ]; do
    "$python" -I "$relay" tcp "${1%%:*}" "${1#*:}" &
    relays="$relays $!"
    count=$((count + 1))
    shift
done
shift
until [ "$(grep -c ' 0A ' /proc/net/tcp)" -ge "$count" ]; do
    sleep 0.05
done
status=0
"$@" || status=$?
# shellcheck disable=SC2086  # several words
[ -z "$relays" ] || kill $relays
exit "$status"
