# Copy many files up and down again: sh copy_rclone.sh RCLONE s3://BUCKET/PREFIX COUNT
set -eu
mkdir many
for number in $(seq "$3"); do echo "$number" >"many/$number"; done
# The keys are those of the environment, whatever that names; no other remote is configured.
there=":s3,env_auth=true,no_check_bucket=true:${2#s3://}"
"$1" copy --transfers 4 --retries 1 many "$there"
"$1" copy --transfers 4 --retries 1 "$there" back
for number in $(seq "$3"); do cmp "many/$number" "back/$number"; done
