#!/usr/bin/env python3
"""Hours under load: does memory grow, is anything lost, does the latency drift, how long is the run file?

    cargo build --profile dist --locked --features full
    benches/soak.py [--hours 1] [--out FOLDER] [--only service|probe]

service: `serve --mode queue` on a PostgreSQL of its own, two workers that take from a NATS of its own, and a mail provider,
under `measure` with an audit at 50/s. Every two minutes one thing breaks: a worker is killed with SIGKILL and started again,
the broker is killed and comes back after 10 s, PostgreSQL is restarted. The first and the last ten minutes are segments of
their own, so that their percentiles can be compared.

probe: `measure` at 2,000/s against nginx.

Both run at the same time. Memory is VmRSS, read every 10 s; its growth is the slope of a line through the samples after the
first tenth of the run. All files stay in FOLDER. Needs PostgreSQL's programs, nats-server and nginx; `PG=` names the folder
of PostgreSQL's programs. As root, PostgreSQL runs as the user postgres.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.environ.get("A7PROBE", "target/dist/a7probe")
SAMPLE_S = 10
FAULT_S = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Program:
    """A process with its log, which can be killed and started again; its memory is kept."""

    def __init__(self, folder, name, line, env=None):
        self.name, self.line, self.env = name, line, {**os.environ, **(env or {})}
        self.log = open(folder / f"{name}.log", "ab")
        self.samples = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.line, stdout=self.log, stderr=self.log, env=self.env)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()

    def sample(self, at_s):
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                self.samples.append((at_s, int(line.split()[1]) / 1024))


class Postgres:
    def __init__(self):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = pathlib.Path(os.environ.get("PG") or (found[-1] if found else "/usr/bin"))
        # The user postgres may not enter FOLDER.
        self.data, self.port = pathlib.Path(tempfile.mkdtemp(prefix="soak-")), free_port()
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.as_user:
            shutil.chown(self.data, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-U", "soak", "--auth=trust")
        self.control("start")
        self.url = f"postgres://soak@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        line = [*self.as_user, self.bin / program, *arguments]
        subprocess.run([str(word) for word in line], check=True, stdout=subprocess.DEVNULL)

    def control(self, action):
        options = f"-p {self.port} -c unix_socket_directories={self.data} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "-l", self.data / "log", "-o", options, action)


def slope_per_hour(samples, seconds):
    """MiB per hour by least squares, without the first tenth of the run."""
    late = [(at / 3600, mib) for at, mib in samples if at >= seconds / 10]
    if len(late) < 3:
        return float("nan")
    mean_x = sum(x for x, _ in late) / len(late)
    mean_y = sum(y for _, y in late) / len(late)
    square = sum((x - mean_x) ** 2 for x, _ in late)
    return sum((x - mean_x) * (y - mean_y) for x, y in late) / square


def sampler(programs, stop, began):
    while not stop.wait(SAMPLE_S):
        for program in programs:
            program.sample(time.monotonic() - began)


def memory_lines(programs, seconds):
    for program in programs:
        if program.samples:
            sizes = [mib for _, mib in program.samples]
            slope = slope_per_hour(program.samples, seconds)
            yield f"  {program.name:10} {sizes[0]:8.1f} {sizes[-1]:8.1f} {max(sizes):8.1f} {slope:+10.2f}"


class Service:
    """The reference service with its neighbours."""

    def __init__(self, folder):
        self.postgres = Postgres()
        nats, self.provider_port, self.port = free_port(), free_port(), free_port()
        self.nats_port = nats
        self.nats = Program(
            folder,
            "nats",
            [shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin"), "-js", "-a", "127.0.0.1", "-p", str(nats), "-sd", str(folder / "nats")],
        )
        wait_for("nats", lambda: accepts(nats))
        store, broker = self.postgres.url, f"nats://127.0.0.1:{nats}"
        self.provider = Program(folder, "provider", [PROGRAM, "provider", "--bind", f"127.0.0.1:{self.provider_port}", "--latency", "50ms"])
        wait_for("provider", lambda: accepts(self.provider_port))
        provider = ["--provider", f"http://127.0.0.1:{self.provider_port}"]
        env = {"SENDGRID_API_KEY": "soak"}
        self.server = Program(folder, "serve", [PROGRAM, "serve", "--mode", "queue", "--store", store, "--dispatch", broker, "--bind", f"127.0.0.1:{self.port}"])
        wait_for("serve", lambda: accepts(self.port))
        self.workers = [
            Program(folder, f"worker-{n}", [PROGRAM, "worker", "--from", broker, "--store", store, "--workers", "8", *provider], env)
            for n in (1, 2)
        ]

    def own(self):
        return [self.server, *self.workers, self.provider]

    def break_something(self, turn):
        kind = turn % 4
        if kind in (0, 2):
            worker = self.workers[kind // 2]
            worker.end(signal.SIGKILL)
            worker.start()
            return f"{worker.name} killed"
        if kind == 1:
            self.nats.end(signal.SIGKILL)
            time.sleep(10)
            self.nats.start()
            return "nats killed, back after 10 s"
        self.postgres.control("restart")
        return "postgresql restarted"

    def end(self):
        for program in [*self.workers, self.server, self.provider, self.nats]:
            program.end()
        self.postgres.control("stop")
        shutil.rmtree(self.postgres.data)


def soak_service(folder, seconds, lines):
    service = Service(folder)
    edge = min(600, seconds // 4)
    # Rates a hair apart give each part a name and a recording of its own.
    rate = f"50/s@{edge}s,50.1/s@{seconds - 2 * edge}s,50.2/s@{edge}s"
    measure = Program(
        folder,
        "measure",
        [PROGRAM, "measure", f"http://127.0.0.1:{service.port}", "--post", "ingest=/ingest", "--rate", rate, "-t", "30s", "--audit-timeout", "300s",
         "--gate", "ingest lost <= 0", "--no-ci", "--progress", "none", "--save", str(folder / "service.json"), "--report", f"json={folder / 'service-report.json'}",
         "--report", f"html={folder / 'service.html'}"],
    )
    programs, stop, began, faults = [*service.own(), measure], threading.Event(), time.monotonic(), []
    watcher = threading.Thread(target=sampler, args=(programs, stop, began))
    watcher.start()
    turn = 0
    while measure.process.poll() is None:
        time.sleep(1)
        at = time.monotonic() - began
        # The edges are left alone, so that they can be compared.
        if edge < at < seconds - edge and at - edge >= (turn + 1) * FAULT_S:
            faults.append(service.break_something(turn))
            turn += 1
    stop.set()
    watcher.join()
    service.end()
    report = json.loads((folder / "service-report.json").read_text())
    lines.append(f"service: exit {measure.process.returncode}, {len(faults)} faults: " + ", ".join(f"{faults.count(f)} × {f}" for f in sorted(set(faults))))
    lines.append("  process       first     last     most   MiB/hour")
    lines.extend(memory_lines(programs, seconds))
    for endpoint in report["endpoints"]:
        audit = endpoint.get("audit") or {}
        values = {p["metric"]: p["observed_ms"] for p in endpoint["percentiles"]}
        lines.append(f"  {endpoint['name']}: ok {endpoint['counts']['ok']}, P50 {values.get('p50')} ms, P99 {values.get('p99')} ms, audit {json.dumps({k: v for k, v in audit.items() if isinstance(v, int)})}")


def soak_probe(folder, seconds, lines):
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(
        f"""worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok\\n"; }} }} }}"""
    )
    nginx = Program(folder, "nginx", ["nginx", "-p", str(folder), "-c", str(conf)])
    wait_for("nginx", lambda: accepts(port))
    measure = Program(
        folder,
        "probe",
        [PROGRAM, "measure", f"http://127.0.0.1:{port}/", "-q", "2000", "-z", f"{seconds}s", "--no-gates", "--no-ci", "--progress", "none", "--save", str(folder / "probe.json"),
         "--report", f"json={folder / 'probe-report.json'}", "--report", f"html={folder / 'probe.html'}"],
    )
    stop, began = threading.Event(), time.monotonic()
    watcher = threading.Thread(target=sampler, args=([measure], stop, began))
    watcher.start()
    measure.process.wait()
    stop.set()
    watcher.join()
    nginx.end()
    report = json.loads((folder / "probe-report.json").read_text())
    endpoint = report["endpoints"][0]
    lines.append(f"probe: exit {measure.process.returncode}, {endpoint['counts']['ok']} ok of {endpoint['planned']}")
    lines.append("  process       first     last     most   MiB/hour")
    lines.extend(memory_lines([measure], seconds))
    judged = subprocess.run([PROGRAM, "judge", folder / "probe.json", "-v"], capture_output=True, text=True, check=False)
    lines.extend(line for line in judged.stdout.splitlines() if "send lag" in line)
    for name in ("probe.json", "probe.html"):
        lines.append(f"  {name}: {(folder / name).stat().st_size / 1e6:.2f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/soak"))
    parser.add_argument("--only", choices=["service", "probe"])
    arguments = parser.parse_args()
    seconds = int(arguments.hours * 3600)
    folder = arguments.out.resolve()
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    parts = {"service": soak_service, "probe": soak_probe}
    chosen = {name: part for name, part in parts.items() if arguments.only in (None, name)}
    lines = {name: [] for name in chosen}
    threads = [threading.Thread(target=part, args=(folder, seconds, lines[name])) for name, part in chosen.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = "\n".join(line for part in lines.values() for line in part)
    (folder / "summary.txt").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
