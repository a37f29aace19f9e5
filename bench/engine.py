#!/usr/bin/env python3
"""What the engine does in time, on its own data folder, with the real binary: one line of JSON a row.

usage: engine.py CRONTOWER [lateness] [burst] [throughput] [dependent] [echo] [idle] [kill]

lateness    a job `* * * * * *`: how late its own first instruction is, over 60 seconds
burst       1,000 jobs due in one second: how many ran, how late the first and the last
throughput  2,000 scripts `/bin/true`: recorded ends a second, at 8 slots and at 64, due at one instant and run through
            the API, each beside a bare loop that starts the same command as often (cargo bench --bench spawn)
dependent   60 times a job and the chain behind it: from the end of the one to the start of the other
echo        20,000 `echo` commands due at one instant: recorded ends a second
idle        memory and CPU of engine and worker process over 60 seconds with 5 jobs
kill        kill -9 of the engine during a 20-second job, a restart 5 seconds later

Needs Python 3 and nothing else. Ends only what it started."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time


class Site:
    """An engine in a temporary folder."""

    def __init__(self, binary, jobs):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory(prefix="crontower-bench-")
        self.path = pathlib.Path(self.folder.name)
        (self.path / "jobs.yaml").write_text(jobs)
        self.engine = None

    def start(self):
        log = open(self.path / "log", "ab")
        self.engine = subprocess.Popen(
            [self.binary, "--headless", "--listen", "none", "--data-dir", str(self.path / "data"), "--jobs", str(self.path / "jobs.yaml")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, cwd=self.path)
        while b"ready" not in (self.path / "log").read_bytes():
            if self.engine.poll() is not None:
                sys.exit((self.path / "log").read_text())
            time.sleep(0.01)

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.path}/data/crontower.db?mode=ro", uri=True, timeout=30) as db:
            return db.execute(sql).fetchall()

    def executions(self):
        return [json.loads(body) for (body,) in self.rows("SELECT body FROM execution_bodies")]

    def wait_for(self, count, limit=300):
        until = time.time() + limit
        while time.time() < until:
            (done,), = self.rows("SELECT count(*) FROM executions WHERE state IN ('succeeded', 'failed', 'skipped')")
            if done >= count:
                return done
            time.sleep(0.2)
        return done

    def worker(self):
        try:
            return int((self.path / "data" / "worker.lock").read_text())
        except (OSError, ValueError):
            return None

    def stop(self):
        self.engine.send_signal(signal.SIGTERM)
        self.engine.wait()
        self.folder.cleanup()


def soon(seconds):
    """An instant in UTC that `once at` takes, and its seconds since the epoch."""
    at = int(time.time()) + seconds
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)), at


def many(count, slots, lead, work):
    when, at = soon(lead)
    head = f"timezone: UTC\nworkers: [{{id: w, capacity: {slots}}}]\njobs:\n"
    return head + "".join(f"  - {{id: j{i}, schedule: once at {when}, {work}}}\n" for i in range(count)), at


def stamp(text):
    """Seconds since the epoch of an RFC 3339 instant in UTC."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + (fraction or "0"))


def spread(values):
    values = sorted(values)
    pick = lambda part: round(values[min(len(values) - 1, int(len(values) * part))], 2)
    return {"median": pick(0.5), "p99": pick(0.99), "least": pick(0), "most": pick(1)}


def row(name, **values):
    print(json.dumps({"row": name, **values}), flush=True)


def lateness(binary):
    site = Site(binary, 'timezone: UTC\njobs: [{id: tick, schedule: "* * * * * *", overlap: allow, run: "date +%s%N >> trace"}]')
    site.start()
    time.sleep(62)
    late = [int(line) / 1e6 % 1000 for line in (site.path / "trace").read_text().split()][:60]
    started = [(stamp(e["started_at"]) - stamp(e["fire_time"])) * 1e3 for e in site.executions() if e["started_at"]]
    row("lateness", unit="ms", samples=len(late), own_first_output=spread(late), started=spread(started))
    site.stop()


def burst(binary):
    jobs, at = many(1000, 64, 6, 'run: "date +%s%N >> trace"')
    site = Site(binary, jobs)
    site.start()
    done = site.wait_for(1000)
    trace = [int(line) / 1e6 - at * 1e3 for line in (site.path / "trace").read_text().split()]
    row("burst", unit="ms", ended=done, ran=len(trace), late=spread(trace))
    site.stop()


def rate(binary, name, count, slots, work, lead):
    jobs, at = many(count, slots, lead, work)
    site = Site(binary, jobs)
    site.start()
    site.wait_for(count)
    executions = site.executions()
    first = min(stamp(e["started_at"]) for e in executions)
    last = max(stamp(e["finished_at"]) for e in executions)
    good = sum(e["state"] == "succeeded" for e in executions)
    row(name, slots=slots, succeeded=good, seconds=round(last - first, 2), a_second=round(count / (last - first)), late_first=round(first - at, 3))
    site.stop()


def throughput(binary):
    repo = pathlib.Path(__file__).resolve().parent.parent
    bare = lambda slots: subprocess.run(["cargo", "bench", "-q", "--bench", "spawn", "--", "2000", str(slots)], cwd=repo, check=True)
    for slots in (8, 64):
        for _ in range(3):
            bare(slots)
            rate(binary, "throughput by fire time", 2000, slots, 'run: /bin/true', 8)
            runs(binary, "throughput by API", 2000, slots)


class OverSocket(http.client.HTTPConnection):
    """HTTP over the unix socket of a data folder."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def runs(binary, name, count, slots, clients=8):
    """Recorded ends a second of runs that clients ask for, each as soon as the one before is answered."""
    jobs = f"workers: [{{id: w, capacity: {slots}}}]\njobs: [{{id: t, run: /bin/true, overlap: allow}}]\n"
    site = Site(binary, jobs)
    site.start()

    def client(_):
        connection = OverSocket(site.path / "data" / "crontower.sock")
        for _ in range(count // clients):
            connection.request("POST", "/api/v1/jobs/t/run")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202, answer.status

    begun = time.time()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    answered = time.time()
    site.wait_for(count)
    executions = site.executions()
    last = max(stamp(e["finished_at"]) for e in executions)
    good = sum(e["state"] == "succeeded" for e in executions)
    row(name, slots=slots, succeeded=good, answered_seconds=round(answered - begun, 2), a_second=round(count / (last - begun)))
    site.stop()


def dependent(binary):
    jobs = 'timezone: UTC\njobs:\n  - {id: first, schedule: "* * * * * *", run: "true"}\n  - {id: then, dependencies: [first], run: "true"}\n'
    site = Site(binary, jobs)
    site.start()
    time.sleep(62)
    executions = site.executions()
    ends = sorted(stamp(e["finished_at"]) for e in executions if e["job_id"] == "first" and e["finished_at"])
    starts = sorted(stamp(e["attempts"][0]["started_at"]) for e in executions if e["job_id"] == "then" and e["started_at"])
    waits = [(start - max(end for end in ends if end <= start)) * 1e3 for start in starts]
    row("dependent", unit="ms", samples=len(waits), start_after_end=spread(waits))
    site.stop()


def echo(binary):
    rate(binary, "echo", 20000, 64, "command: echo, args: {message: hello}", 20)


def usage(pid):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return int(status["VmRSS"].split()[0]) / 1024, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def idle(binary):
    jobs = "jobs:\n" + "".join(f"  - {{id: j{i}, schedule: yearly, run: 'true'}}\n" for i in range(5))
    site = Site(binary, jobs)
    site.start()
    env = {**os.environ, "CRONTOWER_DATA_DIR": str(site.path / "data")}
    subprocess.run([binary, "run", "j0", "--wait"], env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(5)
    pids = [site.engine.pid, site.worker()]
    before = [usage(pid) for pid in pids]
    time.sleep(60)
    after = [usage(pid) for pid in pids]
    for name, (_, used), (memory, total) in zip(("engine", "worker process"), before, after):
        row("idle", process=name, rss_mib=round(memory, 1), cpu_seconds_a_minute=round(total - used, 2))
    site.stop()


def kill(binary):
    site = Site(binary, "jobs: [{id: long, run: 'for i in $(seq 20); do echo $i; sleep 1; done; exit 9'}]")
    site.start()
    env = {**os.environ, "CRONTOWER_DATA_DIR": str(site.path / "data")}
    ask = lambda *args: subprocess.run([binary, *args], env=env, capture_output=True, text=True)
    ask("run", "long")
    time.sleep(5)
    site.engine.kill()
    site.engine.wait()
    time.sleep(5)
    (site.path / "log").write_bytes(b"")
    site.start()
    site.wait_for(1, 60)
    (ended,) = site.executions()
    output = ask("logs", ended["id"]).stdout.split()
    row("kill", state=ended["state"], attempts=len(ended["attempts"]), exit_code=ended["attempts"][0]["exit_code"],
        whole_output=output == [str(i) for i in range(1, 21)], seconds=round(stamp(ended["finished_at"]) - stamp(ended["started_at"]), 1))
    site.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[2:] or ["lateness", "burst", "throughput", "dependent", "echo", "idle", "kill"]:
        globals()[name](os.path.abspath(sys.argv[1]))
