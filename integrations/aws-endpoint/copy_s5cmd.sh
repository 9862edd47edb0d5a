# Copy many files up and down again: sh copy_s5cmd.sh S5CMD s3://BUCKET/PREFIX COUNT
set -eu
mkdir many
for number in $(seq "$3"); do echo "$number" >"many/$number"; done
"$1" --numworkers 4 cp 'many/*' "$2"
"$1" --numworkers 4 cp "$2*" back/
for number in $(seq "$3"); do cmp "many/$number" "back/$number"; done
