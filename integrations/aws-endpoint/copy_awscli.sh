# Copy many files up and down again: sh copy_awscli.sh AWS s3://BUCKET/PREFIX COUNT
set -eu
mkdir many
for number in $(seq "$3"); do echo "$number" >"many/$number"; done
"$1" s3 cp --recursive --no-progress many "$2"
"$1" s3 cp --recursive --no-progress "$2" back
for number in $(seq "$3"); do cmp "many/$number" "back/$number"; done
