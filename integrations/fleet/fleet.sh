#!/bin/sh
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --time=00:10:00
# The job brings a store of its own, in which its nodes share one token: redis-server runs as a step
# on the first node, and ends with the job. The nodes share no folder; only this one is in use on each.
set -eu
umask 077
fleet=/tmp/credhelper-$SLURM_JOB_ID
host=$(hostname)
port=$((20000 + SLURM_JOB_ID % 10000))
each_node="--overlap --ntasks=$SLURM_NNODES --ntasks-per-node=1"

srun $each_node mkdir "$fleet"
credhelper fleet key > "$fleet/key"
head -c 24 /dev/urandom | base64 > "$fleet/password"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$host" \
    -addext "subjectAltName=DNS:$host" -keyout "$fleet/tls.key" -out "$fleet/ca.pem" 2> "$fleet/openssl.log"
echo "user default off" > "$fleet/accounts"
sh account.sh "$fleet/password" | sed 's/^ACL SETUSER/user/' >> "$fleet/accounts"
cat > "$fleet/config.toml" <<END
default_profile = "work"

[fleet]
store = "rediss://credhelper@$host:$port"
password = { file = "$fleet/password" }
key = { file = "$fleet/key" }
ca_file = "$fleet/ca.pem"

[profiles.work]
url = "https://aps2.platform.illumina.com"
grant = { file = "~/.config/credhelper/api-key" }
services = ["https://files.example.org"]
share = "job-$SLURM_JOB_ID"
END
for file in key password ca.pem config.toml; do
    sbcast --force --preserve "$fleet/$file" "$fleet/$file"
done

srun --overlap --nodes=1 --ntasks=1 --nodelist="$SLURMD_NODENAME" redis-server \
    --port 0 --tls-port "$port" --tls-cert-file "$fleet/ca.pem" --tls-key-file "$fleet/tls.key" \
    --tls-ca-cert-file "$fleet/ca.pem" --tls-auth-clients no --aclfile "$fleet/accounts" \
    --save "" --dir "$fleet" --logfile "$fleet/redis.log" \
    --pidfile "$fleet/redis.pid" &
store=$!
trap 'kill "$(cat "$fleet/redis.pid")"; wait "$store"; srun $each_node rm -rf "$fleet"' EXIT
until redis-cli --tls --cacert "$fleet/ca.pem" -h "$host" -p "$port" PING 2>&1 | grep -q NOAUTH; do
    kill -0 "$store" # it has not ended
    sleep 0.2
done

# From here on it is your job.
export CREDHELPER_CONFIG="$fleet/config.toml"
srun --overlap sh -c 'CREDHELPER_CACHE_DIR="$0/$SLURMD_NODENAME" exec ./task.sh' "$fleet"
