#!/usr/bin/env bash
# Installs and starts what some tests need beyond Rust, and says what it did. Debian or Ubuntu; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v wrk >/dev/null || missing+=(wrk)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
echo "wrk: $(wrk -v 2>&1 | head -n 1 || true)"

venv=target/services/venv
if ! "$venv/bin/python" -c 'import hdrh.histogram' 2>/dev/null; then
    echo "installing hdrhistogram for Python into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check hdrhistogram
fi
echo "python: $("$venv/bin/python" --version), hdrhistogram $("$venv/bin/pip" show hdrhistogram 2>/dev/null | sed -n 's/^Version: //p')"
