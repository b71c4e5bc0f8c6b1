#!/usr/bin/env bash
# What a shard adds to the CPU of a request: `measure` at a rate, and shard 0 of 8 of a run at eight times that rate, which
# sends as many requests at the same rate. In turn, so that both see the same machine; the median of the ratios of the rounds.
#
#   cargo build --profile dist --locked --features full
#   benches/shard_cost.sh [ROUNDS [SECONDS [RATE]]]      A7PROBE=, NGINX= name the binaries
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-25} seconds=${2:-4} rate=${3:-20000}
a7probe=${A7PROBE:-target/dist/a7probe}

dir=$(mktemp -d)
nginx=
trap '[ -z "$nginx" ] || kill "$nginx"; wait; rm -rf "$dir"' EXIT
port=$((20000 + RANDOM % 20000))
cat > "$dir/nginx.conf" <<CONF
worker_processes 1;
daemon off;
pid $dir/pid;
error_log $dir/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    server { listen 127.0.0.1:$port; location / { return 200 "ok\n"; } }
}
CONF
"${NGINX:-nginx}" -p "$dir" -c "$dir/nginx.conf" & nginx=$!
for _ in $(seq 100); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> "$dir/connect"; then break; fi
    sleep 0.05
done

# µs of CPU a request, of the run alone.
measured() {
    "$a7probe" measure "http://127.0.0.1:$port/" -z "${seconds}s" --warmup 0s --seed 7 --save "$dir/run.json" "$@" \
        > "$dir/out"
    grep -o '"cpu_ns": *[0-9]*' "$dir/run.json" | head -n 1 |
        awk -v n=$((rate * seconds)) '{ sub(/.*: */, ""); printf "%.3f\n", $0 / n / 1000 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

for round in $(seq "$rounds"); do
    alone() { measured -q "$rate" --no-gates --no-ci --quiet; }
    shard() { measured -q $((8 * rate)) --shard 0/8 --start-at next:1s; }
    if [ $((round % 2)) = 1 ]; then a=$(alone) b=$(shard); else b=$(shard) a=$(alone); fi
    echo "$a $b"
done > "$dir/pairs"
cut -d' ' -f1 "$dir/pairs" | median | sed 's/$/ µs of CPU a request alone/'
cut -d' ' -f2 "$dir/pairs" | median | sed 's/$/ µs of CPU a request of a shard/'
awk '{ print $2 / $1 }' "$dir/pairs" | median | sed 's/$/ times as much/'
