#!/bin/sh
# pod.sh MODE FOLDER=PATH... -- COMMAND...: run COMMAND as in a pod, for `unshare --user --mount`. What is in each
# FOLDER is mounted at PATH, read-only; /run is the pod's own, and the folder `tmp` in it has this MODE.
set -eu
mount -t tmpfs -o mode=755 none /run
mkdir /run/tmp
chmod "$1" /run/tmp
shift
while [ "$1" != -- ]; do
    path=${1#*=}
    mkdir -p "$path"
    mount -t tmpfs -o mode=755 none "$path"
    cp -p "${1%%=*}"/* "$path"
    mount -o remount,ro "$path"
    shift
done
shift
exec "$@"
