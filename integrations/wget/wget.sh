#!/bin/sh
# A header in a wgetrc that only you can read, gone at the end. wget would send it on to where it is
# redirected, to any host: so it follows none. The file stands in for ~/.wgetrc.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'max_redirect = 0\nheader = ' > "$folder/wgetrc"
credhelper get https://files.example.org --format header >> "$folder/wgetrc"
WGETRC="$folder/wgetrc" wget --quiet --output-document=- https://files.example.org/reads.txt
