#!/bin/sh
# Prints the command that gives the fleet its account in Redis or Valkey, for redis-cli to read. It
# holds a hash of the password in the file $1, not the password.
set -eu
hash=$(tr -d '\n' < "$1" | sha256sum | cut -c1-64)
echo "ACL SETUSER credhelper reset on #$hash ~credhelper:* resetchannels -@all" \
    "+eval +hello +auth +ping +select +hget +hmget +hset +hdel +del +pexpire +pttl +time" \
    "+cluster|slots +command" # these two for a cluster
