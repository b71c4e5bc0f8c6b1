#!/usr/bin/env bash
# Client CPU per request against nginx on loopback: a7probe beside wrk and oha, in turn, so that all see the same
# machine; medians of the rounds. First 64 connections in the closed model, then 1,000, 10,000 and 30,000 requests a
# second in the open model, where wrk has no rate to offer. With `http2`: over cleartext HTTP/2, 64 connections with 8
# streams each in the closed model, h2load in the place of wrk, and the same rates. What is missing is left out.
#
#   cargo build --profile dist --locked --all-features
#   benches/versus.sh [http2] [ROUNDS [SECONDS]]      A7PROBE=, WRK=, OHA=, H2LOAD=, NGINX= name the binaries
#
# CPU is user and system time of the whole process; of a7probe it is that of the run, without the calibration, whose
# length does not depend on the number of requests.
set -euo pipefail
cd "$(dirname "$0")/.."
version=http1
if [ "${1:-}" = http2 ]; then version=http2; shift; fi
rounds=${1:-5} seconds=${2:-6} connections=64 streams=8
a7probe=${A7PROBE:-target/dist/a7probe}

dir=$(mktemp -d)
nginx=
trap '[ -z "$nginx" ] || kill "$nginx"; wait; rm -rf "$dir"' EXIT

port=$((20000 + RANDOM % 20000))
listen=$port
if [ $version = http2 ]; then listen="$port http2"; fi
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
    server { listen 127.0.0.1:$listen; location / { return 200 "ok\n"; } }
}
CONF
"${NGINX:-nginx}" -p "$dir" -c "$dir/nginx.conf" & nginx=$!
for _ in $(seq 100); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> "$dir/connect"; then break; fi
    sleep 0.05
done
url=http://127.0.0.1:$port/

# The first value of this field.
number() { grep -o "\"$1\": *[0-9]*" | head -1 | sed 's/.*: *//'; }

# Each prints its number of requests and its CPU seconds; bash's `time` knows those of the others.
TIMEFORMAT='%U %S'
run_a7probe() {
    "$a7probe" measure "$url" "$@" -z "${seconds}s" --warmup 0s --no-gates --no-ci --quiet \
        --save "$dir/run.json" --report "json=$dir/report.json" > "$dir/out"
    echo "$(number ok < "$dir/report.json") $(number cpu_ns < "$dir/run.json")" | awk '{ print $1, $2 / 1e9 }'
}
run_wrk() {
    { time "${WRK:-wrk}" -t2 -c$connections -d"${seconds}s" "$url" > "$dir/out"; } 2> "$dir/cpu"
    echo "$(awk '/requests in/ { print $1 }' "$dir/out") $(tail -1 "$dir/cpu")" | awk '{ print $1, $2 + $3 }'
}
run_oha() {
    {
        time "${OHA:-oha}" --no-tui -c $connections -z "${seconds}s" "$@" --output-format json "$url" > "$dir/out"
    } 2> "$dir/cpu"
    echo "$(number 200 < "$dir/out") $(tail -1 "$dir/cpu")" | awk '{ print $1, $2 + $3 }'
}

run_h2load() {
    {
        time "${H2LOAD:-h2load}" -c $connections -m $streams -D "$seconds" "$url" > "$dir/out"
    } 2> "$dir/cpu"
    echo "$(awk '/^requests:/ { print $8 }' "$dir/out") $(tail -1 "$dir/cpu")" | awk '{ print $1, $2 + $3 }'
}

# compare NAME TOOL…: TOOL_flags holds the flags of a tool.
compare() {
    local name=$1 tool
    shift
    for _ in $(seq "$rounds"); do
        for tool; do
            local -n flags=${tool}_flags
            "run_$tool" "${flags[@]}" |
                awk -v s="$seconds" '{ printf "%.3f %.0f\n", $2 * 1e6 / $1, $1 / s }' >> "$dir/$name-$tool"
        done
    done
    for tool; do
        sort -n "$dir/$name-$tool" | awk -v name="$name" -v tool="$tool" '
            { cpu[NR] = $1; rate[NR] = $2 }
            END {
                m = int((NR + 1) / 2)
                printf "%-7s %-8s %6.2f µs of CPU a request (%.2f to %.2f), %d/s\n",
                    name, tool, cpu[m], cpu[1], cpu[NR], rate[m]
            }'
    done
}

have() { command -v "$1" > "$dir/which"; }
tools=(a7probe) closed=() over=() oha_over=() in_flight=$connections
if have "${OHA:-oha}"; then tools+=(oha); fi
if [ $version = http2 ]; then
    over=(--http2 --streams $streams) oha_over=(--http2 -p $streams) in_flight=$((connections * streams))
    if have "${H2LOAD:-h2load}"; then closed+=(h2load); fi
elif have "${WRK:-wrk}"; then
    closed+=(wrk)
fi
a7probe_flags=(-c $in_flight "${over[@]}") oha_flags=("${oha_over[@]}") wrk_flags=() h2load_flags=()
compare closed "${tools[@]}" "${closed[@]}"
for rate in 1000 10000 30000; do
    a7probe_flags=(--rate "$rate/s" "${over[@]}") oha_flags=(-q "$rate" --latency-correction "${oha_over[@]}")
    compare "$rate" "${tools[@]}"
done
