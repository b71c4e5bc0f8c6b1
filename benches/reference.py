#!/usr/bin/env python3
"""The reference server's figures: what a durable 202 costs, how fast queue mode is, what a broker that is down changes.

    benches/reference.py fastapi [ROUNDS [SECONDS]]    against FastAPI BackgroundTasks, 64 connections
    benches/reference.py postgres [ROUNDS [SECONDS]]   queue mode on PostgreSQL: durable 202s, and events done by workers
    benches/reference.py brokers [SECONDS]             /ingest with every broker, healthy, stopped and silent, against sync
    benches/reference.py million [EVENTS]              accept latency with an empty store and with a million events in it

Server and probe share the machine, which should do nothing else. Builds the release binary; needs what
tests/services.sh installs (and its PostgreSQL and RabbitMQ running), each mode only what it names.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROBE = ROOT / "target/release/a7probe"
PYTHON = ROOT / "target/services/venv/bin/python"
POSTGRES = "postgres://a7probe:a7probe@127.0.0.1:5432/a7probe_test"
CONNECTIONS = 64
PATIENCE = 120


class Bench(contextlib.ExitStack):
    """Processes and folders that end with it."""

    def __init__(self):
        super().__init__()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory(prefix="a7probe-bench-")))

    def start(self, *command, cwd=None, env=None):
        log = open(self.folder / f"{len(list(self.folder.iterdir()))}.log", "w")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("A7PROBE_")} | (env or {})
        process = subprocess.Popen(
            [str(word) for word in command], cwd=cwd or self.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        process.log = log.name
        self.callback(end, process)
        return process

    def ready(self, name, *flags):
        """A command of ours with --ready-file; the process and what is in the file once it is ready."""
        file = self.folder / f"ready-{uuid.uuid4()}"
        process = self.start(PROBE, name, *flags, "--ready-file", file)
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and (text := file.read_text().strip())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: {pathlib.Path(process.log).read_text()}")
            time.sleep(0.01)
        return process, text

    def serve(self, *flags):
        process, address = self.ready("serve", "--bind", "127.0.0.1:0", *flags)
        return process, f"http://{address}"

    def store(self):
        return self.folder / f"{uuid.uuid4()}.db"


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def await_port(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing listens on port {port}")
            time.sleep(0.05)


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.load(answer)


def measure(url, *flags):
    """POST /ingest with a new event each time; the report's endpoint. Judging is not its matter."""
    command = [
        PROBE, "measure", url, "--post", "ingest=/ingest", "--body", 'ingest={"id":"{{uuid}}","n":1}',
        "--gate", "ingest p50 <= 5s", "--no-audit", "--no-calibration", "--iid", "--output", "json", "--quiet", *flags,
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("A7PROBE_")}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"{done.stderr}{done.stdout}")
    return json.loads(done.stdout)["endpoints"][0]


def closed(url, seconds):
    """Durable 202s a second and the percentiles in ms, closed model."""
    return figures(measure(url, "-c", CONNECTIONS, "-z", f"{seconds}s", "--warmup", "1s"))


def opened(url, rate, seconds, *flags):
    return figures(measure(url, "-q", rate, "-z", f"{seconds}s", "--warmup", "1s", *flags))


def figures(endpoint):
    counts = endpoint["counts"]
    failed = ", ".join(f"{n} {what}" for what, n in counts.items() if what != "ok" and n)
    # A percentile among failures is longer than anything.
    longest = lambda ms: float("inf") if ms is None else ms
    percentiles = {p["metric"]: longest(p["observed_ms"]) for p in endpoint["percentiles"]}
    return {"rate": endpoint["traffic"]["achieved_per_s"], "failed": failed, **percentiles}


def show(name, f):
    percentiles = "  ".join(f"{metric.upper()} {f[metric]:.2f} ms" for metric in ("p50", "p95", "p99"))
    print(f"  {name:<44} {f['rate']:>8.0f}/s  {percentiles}  {f['failed']}", flush=True)


def fastapi(rounds=3, seconds=10):
    """Both with the same provider process and their stores in one folder; in turns."""
    ratios = []
    for number in range(int(rounds)):
        print(f"round {number + 1}")
        with Bench() as bench:
            _, provider = bench.ready("provider", "--bind", "127.0.0.1:0")
            port = free_port()
            bench.start(
                PYTHON, "-m", "uvicorn", "background_app:app", "--port", port, "--log-level", "warning",
                "--no-access-log", cwd=ROOT / "fixtures/python",
                env={"A7_DATABASE": str(bench.store()), "A7_PROVIDER": f"http://{provider}", "PYTHONDONTWRITEBYTECODE": "1"},
            )
            await_port(port)
            theirs = closed(f"http://127.0.0.1:{port}", seconds)
            show("FastAPI BackgroundTasks, in memory", theirs)
        with Bench() as bench:
            _, provider = bench.ready("provider", "--bind", "127.0.0.1:0")
            _, url = bench.serve("--store", bench.store(), "--provider", f"http://{provider}")
            ours = closed(url, seconds)
            show("a7probe serve --mode background, durable", ours)
        ratios.append((ours["rate"] / theirs["rate"], theirs["p99"] / ours["p99"]))
        print("  {:.1f} times the rate, P99 {:.1f} times as short".format(*ratios[-1]))
    rate, p99 = (statistics.median(column) for column in zip(*ratios))
    print(f"medians: {rate:.1f} times the rate (at least 20), P99 {p99:.1f} times as short (at least 10)")


@contextlib.contextmanager
def schema():
    """A schema of the bench's own, dropped with it."""
    name = f"bench_{uuid.uuid4().hex}"
    psql = lambda sql: subprocess.run(["psql", "-qAt", POSTGRES, "-c", sql], check=True, capture_output=True)
    psql(f"CREATE SCHEMA {name}")
    try:
        yield f"{POSTGRES}?options=-csearch_path%3D{name}"
    finally:
        psql(f"DROP SCHEMA {name} CASCADE")


def drained(url):
    """When the queue became empty."""
    while get(f"{url}/queue")["depth"] > 0:
        time.sleep(0.02)
    return time.monotonic()


def postgres(rounds=3, seconds=10):
    accepted, worked = [], []
    for number in range(int(rounds)):
        print(f"round {number + 1}")
        with schema() as store, Bench() as bench:
            _, url = bench.serve("--mode", "queue", "--store", store, "--queue-limit", 10_000_000)
            f = closed(url, seconds)
            show("durable 202s, nobody works", f)
            accepted.append(f["rate"])
            depth = get(f"{url}/queue")["depth"]
            begun = time.monotonic()
            for _ in range(2):
                bench.ready("worker", "--store", store, "--sim-latency", "1ms")
            took = drained(url) - begun
            worked.append(depth / took)
            print(f"  two workers finish {depth} events in {took:.1f} s: {worked[-1]:.0f}/s, start included")
        with schema() as store, Bench() as bench:
            _, url = bench.serve("--mode", "queue", "--store", store, "--queue-limit", 10_000_000)
            bench.ready("worker", "--store", store, "--sim-latency", "1ms")
            begun = time.monotonic()
            show("durable 202s while a worker works", closed(url, seconds))
            left = get(f"{url}/queue")["depth"]
            print(f"  {left} were left at the end; all were done {drained(url) - begun:.1f} s after the start")
    print(f"medians: {statistics.median(accepted):.0f} durable 202s/s (at least 5,000), {statistics.median(worked):.0f} events done/s")


class Proxy:
    """Between the server and a broker, which it makes unreachable or silent."""

    def __init__(self, target):
        self.silent = False
        self.target = target
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                pair = [self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.target))]
                self.sockets += pair
                for source, sink in (pair, pair[::-1]):
                    threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.silent:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def refuse(self):
        """As if nothing listened any more."""
        for one in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def redis(bench):
    return ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--dir", bench.folder]


def nats(bench):
    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    return [program, "-a", "127.0.0.1", "-p", "{port}", "-js", "-sd", bench.folder / "nats"]


# Its server, if the bench starts one, and its URL.
BROKERS = {
    "amqp": (None, "amqp://guest:guest@127.0.0.1:{port}/%2f"),
    "redis": (redis, "redis://127.0.0.1:{port}"),
    "nats": (nats, "nats://127.0.0.1:{port}"),
    "celery+amqp": (None, "celery+amqp://guest:guest@127.0.0.1:{port}/%2f"),
    "celery+redis": (redis, "celery+redis://127.0.0.1:{port}"),
    "rq+redis": (redis, "rq+redis://127.0.0.1:{port}"),
}
RABBITMQ = 5672
RATE = 50


def forget(queue):
    """Deletes what a run left in the machine's own RabbitMQ."""
    for name in (queue, f"{queue}.dead"):
        subprocess.run(["rabbitmqctl", "-q", "delete_queue", name], capture_output=True)


def brokers(seconds=20):
    """50 requests a second, the provider of the report (P95 320 ms), and a worker on the same store."""
    with Bench() as bench:
        _, url = bench.serve("--mode", "sync", "--store", bench.store())
        sync = opened(url, RATE, seconds)
    show("sync", sync)
    worst = 0
    for name, (server, pattern) in BROKERS.items():
        for state in ("healthy", "stopped", "silent"):
            with Bench() as bench:
                port, broker = RABBITMQ, None
                queue = f"a7probe-bench-{uuid.uuid4()}"
                if server:
                    port = free_port()
                    broker = bench.start(*(str(word).format(port=port) for word in server(bench)))
                    await_port(port)
                else:
                    bench.callback(forget, queue)
                proxy, store = Proxy(port), bench.store()
                at = lambda port: f"{pattern.format(port=port)}?queue={queue}"
                _, url = bench.serve("--mode", "queue", "--store", store, "--dispatch", at(proxy.port))
                bench.ready("worker", "--store", store, "--from", at(port))
                opened(url, RATE, 1)
                if state == "silent":
                    proxy.silent = True
                elif state == "stopped":
                    proxy.refuse()
                    if broker:
                        end(broker)
                f = opened(url, RATE, seconds)
                show(f"{name}, {state}", f)
                worst = max(worst, f["p95"])
    print(f"worst P95 {worst:.1f} ms (below 100), {100 * (1 - worst / sync['p95']):.0f} % below sync (at least 70)")


def million(events=1_000_000):
    """Queue mode, nobody works, so everything stays open; open model, so that a slow answer delays no other."""
    with contextlib.ExitStack() as stack:
        stores = {"SQLite": None, "PostgreSQL": stack.enter_context(schema()), "SQLite and Redis": None}
        for name, store in stores.items():
            with Bench() as bench:
                flags = ["--mode", "queue", "--queue-limit", 10_000_000]
                if "Redis" in name:
                    port = free_port()
                    bench.start(*(str(word).format(port=port) for word in redis(bench)))
                    await_port(port)
                    flags += ["--dispatch", f"redis://127.0.0.1:{port}"]
                _, url = bench.serve(*flags, "--store", store or bench.store())
                empty = opened(url, 500, 20)
                show(f"{name}, empty", empty)
                while (depth := get(f"{url}/queue")["depth"]) < int(events):
                    measure(url, "-c", CONNECTIONS, "-n", min(int(events) - depth, 200_000), "--warmup", "0s")
                # Longer than it takes a sweeper to come by.
                full = opened(url, 500, 60)
                show(f"{name}, {depth:,} events in it", full)
                change = ", ".join(f"{p.upper()} {full[p] - empty[p]:+.2f} ms" for p in ("p50", "p95", "p99"))
                print(f"  {change}", flush=True)


MODES = {mode.__name__: mode for mode in (fastapi, postgres, brokers, million)}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in MODES:
        raise SystemExit(__doc__)
    # What was started ends with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subprocess.run(["cargo", "build", "--release", "--features", "full", "--locked", "--quiet"], cwd=ROOT, check=True)
    MODES[sys.argv[1]](*map(int, sys.argv[2:]))
