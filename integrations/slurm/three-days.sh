#!/bin/sh
# Stands for your program: one that reads the token from the file each time that it needs it.
set -eu
for sample in 1 2 3 4 5 6 7 8 9 10 11 12; do
    printf 'header = "Authorization: Bearer %s"\n' "$(cat "$BEARER_TOKEN_FILE")" |
        curl -sSf -K - "https://files.example.org/samples/$sample" -o "sample-$sample"
    sleep 1
done
