#!/usr/bin/env python3
"""What load generators report of a server whose truth is known. docs/comparison.md has the figures.

  benches/stalls.py stall [SECONDS]     all requests wait while the server stalls 200 ms every 2 s: the true P95 is
                                        100 ms, the true P99 180 ms
  benches/stalls.py hang [SECONDS]      2% of requests are never answered: the true P99 exceeds any timeout
  benches/stalls.py down                nothing listens on the port: the exit code
  benches/stalls.py serve MODE PORT     the server alone, for tools that this script does not know

A7PROBE=, WRK=, OHA=, HEY=, AB=, AUTOCANNON= name the binaries. A tool that is missing is left out. Standard library only.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

PERIOD, STALL = 2.0, 0.2
HANGING = 50
RATE = 1000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"


class Conversation(asyncio.Protocol):
    """Answers at once, and in mode `hang` leaves every fiftieth request without an answer."""

    requests = 0
    hangs = False

    def connection_made(self, transport):
        self.transport, self.rest, self.is_stuck = transport, b"", False

    def data_received(self, data):
        *heads, self.rest = (self.rest + data).split(b"\r\n\r\n")
        for _ in heads:
            Conversation.requests += 1
            self.is_stuck |= Conversation.hangs and Conversation.requests % HANGING == 0
            if not self.is_stuck:
                self.transport.write(ANSWER)


async def answer(mode, port):
    Conversation.hangs = mode == "hang"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Conversation, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    start = time.monotonic()
    while mode != "stall":
        await asyncio.sleep(3600)
    for number in range(1, sys.maxsize):
        await asyncio.sleep(max(0, start + number * PERIOD - time.monotonic()))
        # The whole loop stands still; whatever arrives is answered at the end of the stall.
        time.sleep(STALL)


def percentiles_of_wrk(text):
    found = dict(re.findall(r"^ +(\d+)% +([\d.]+(?:us|ms|s))$", text, re.MULTILINE))
    factor = lambda value: next(f for unit, f in (("us", 0.001), ("ms", 1), ("s", 1000)) if value.endswith(unit))
    ms = lambda value: float(value.rstrip("ums")) * factor(value)
    return {f"P{name}": ms(value) for name, value in found.items()}


def lines(pattern, factor):
    return lambda text: {f"P{name}": float(value) * factor for name, value in re.findall(pattern, text, re.MULTILINE)}


def numbers(pick, factor):
    def read(text):
        found = pick(json.loads(text))
        return {name: None if value is None else value * factor for name, value in found.items()}

    return read


def a7probe_percentiles(result):
    return {p["metric"].upper(): p["observed_ms"] for p in result["endpoints"][0]["percentiles"]}


def oha_percentiles(result):
    return {"P95": result["latencyPercentiles"]["p95"], "P99": result["latencyPercentiles"]["p99"]}


def autocannon_percentiles(result):
    return {"P97.5": result["latency"]["p97_5"], "P99": result["latency"]["p99"]}


OHA = "-q {q} -z {z}s -t {t}s {more}--no-tui --output-format json {url}"

# Name, binary, arguments, how the percentiles are read in ms. {q} is the rate, {w} that of one of hey's 50 workers.
TOOLS = [
    ("a7probe", "a7probe", "{url} -q {q} -z {z}s -t {t}s --output json --quiet", numbers(a7probe_percentiles, 1)),
    ("wrk", "wrk", "--latency -d {z}s --timeout {t}s {url}", percentiles_of_wrk),
    ("oha", "oha", OHA.replace("{more}", ""), numbers(oha_percentiles, 1000)),
    ("oha, corrected", "oha", OHA.replace("{more}", "--latency-correction "), numbers(oha_percentiles, 1000)),
    ("hey", "hey", "-q {w} -z {z}s -t {t} {url}", lines(r"^ +(\d+)%+ in ([\d.]+) secs", 1000)),
    ("ab", "ab", "-k -c 10 -t {z} -n 100000000 -s {t} {url}", lines(r"^ +(\d+)% +(\d+)$", 1)),
    ("autocannon", "autocannon", "-R {q} -d {z} -t {t} --json {url}", numbers(autocannon_percentiles, 1)),
]


def run_all(mode, seconds):
    rate, timeout = (RATE, 10) if mode == "stall" else (100, 1)
    for name, binary, arguments, percentiles in TOOLS:
        program = shutil.which(os.environ.get(binary.upper(), binary))
        if not program:
            print(f"\n{name}: not found")
            continue
        with Server(mode) as url:
            words = arguments.format(url=url, q=rate, w=rate // 50, z=seconds, t=timeout).split()
            print(f"\n$ {binary} {' '.join(words)}", flush=True)
            environment = {k: v for k, v in os.environ.items() if not k.startswith("A7PROBE_")}
            done = subprocess.run(
                [program, *words], env=environment, capture_output=True, text=True, timeout=seconds * 4 + 120
            )
        try:
            found = percentiles(done.stdout)
        except (ValueError, KeyError, StopIteration, IndexError):
            found = {}
        shown = [f"{metric} {text(found[metric])}" for metric in ("P95", "P97.5", "P99") if metric in found]
        print(f"{name}: {', '.join(shown) or 'no percentiles'}, exit code {done.returncode}", flush=True)
        for line in (done.stderr + done.stdout).splitlines():
            if re.search(r"timeout|timed out|deadline|failed|refused|error", line, re.I) and len(line) < 160:
                print(f"    | {line.strip()}")


def text(ms):
    return "failed" if ms is None else f"{ms:.2f} ms"


class Server:
    """A process of its own for every tool; in mode `down` only a port where nothing listens."""

    def __init__(self, mode):
        self.mode, self.process = mode, None

    def __enter__(self):
        if self.mode == "down":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                return f"http://127.0.0.1:{free.getsockname()[1]}/"
        command = [sys.executable, __file__, "serve", self.mode, "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}/"

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", ("stall" | "hang") as mode, port]:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(answer(mode, int(port)))
        case [("stall" | "hang" | "down") as mode, *rest]:
            run_all(mode, int(rest[0]) if rest else 30 if mode == "stall" else 5 if mode == "down" else 20)
        case _:
            raise SystemExit(__doc__)
