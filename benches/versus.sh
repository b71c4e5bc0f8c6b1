#!/usr/bin/env bash
# Client CPU per request in the closed model, 64 connections, against nginx on loopback: wrk, oha and this engine
# in turn, so that all see the same machine; medians of the rounds. What is missing is left out.
#
#   benches/versus.sh [ROUNDS [SECONDS]]      WRK=, OHA=, NGINX= name the binaries
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-6} connections=64

bench=$(cargo bench --bench engine --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*engine-[^"]*\)".*/\1/p' | tail -1)
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
    keepalive_timeout 600s;
    server { listen 127.0.0.1:$port; location / { return 200 "ok\n"; } }
}
CONF
"${NGINX:-nginx}" -p "$dir" -c "$dir/nginx.conf" & nginx=$!
for _ in $(seq 100); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> "$dir/connect"; then break; fi
    sleep 0.05
done

# Each prints how many requests it made and in how many seconds; bash's `time` has its CPU seconds.
run_wrk() {
    "${WRK:-wrk}" -t2 -c$connections -d"${seconds}s" "http://127.0.0.1:$port/" |
        awk '/requests in/ { sub("s,", "", $4); print $1, $4 }'
}
run_oha() {
    "${OHA:-oha}" --no-tui -c $connections -z "${seconds}s" --output-format json "http://127.0.0.1:$port/" |
        sed -n 's/.*"200": *\([0-9]*\).*/\1/p' | awk -v s="$seconds" '{ print $1, s }'
}
# A second of warm-up is among its requests.
run_a7probe() {
    "$bench" closed "127.0.0.1:$port" $connections "$seconds" |
        awk -v s="$seconds" '/^requests/ { print $2, s + 1 }'
}

TIMEFORMAT='%U %S'
tools=(a7probe)
command -v "${WRK:-wrk}" > "$dir/which" && tools+=(wrk)
command -v "${OHA:-oha}" > "$dir/which" && tools+=(oha)
for _ in $(seq "$rounds"); do
    for tool in "${tools[@]}"; do
        { time made=$("run_$tool"); } 2> "$dir/cpu"
        echo "$made $(tail -1 "$dir/cpu")" |
            awk '{ printf "%.3f %.0f\n", ($3 + $4) * 1e6 / $1, $1 / $2 }' >> "$dir/$tool"
    done
done
for tool in "${tools[@]}"; do
    sort -n "$dir/$tool" | awk -v tool="$tool" '
        { cpu[NR] = $1; rate[NR] = $2 }
        END { m = int((NR + 1) / 2); printf "%-8s median %.2f µs of CPU a request (%.2f to %.2f), %d/s\n", tool, cpu[m], cpu[1], cpu[NR], rate[m] }'
done
