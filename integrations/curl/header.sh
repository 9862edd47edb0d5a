#!/bin/sh
# One token for many calls of curl: a header in a file that only you can read, gone at the end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
credhelper get https://files.example.org --format header > "$folder/header"
for name in reads.txt index.txt; do
    curl --fail --silent --show-error --header "@$folder/header" "https://files.example.org/$name"
done
