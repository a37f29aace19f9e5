#!/usr/bin/env python3
"""What the API does in time, on its own data folder, with the real binary: one line of JSON a row.

usage: api.py CRONTOWER [subscribers] [requests]

subscribers  RATE runs a second for SECONDS, first with nobody listening, then with SUBSCRIBERS streams of events: how long POST run
             takes (median, 99 of 100), whether any stream has a gap, memory of the engine before and after
requests     requests a second, 16 connections at a time, with 100 jobs: GET jobs, GET status, POST run (an `echo`); memory after

SUBSCRIBERS=1000 RATE=100 SECONDS=10 change with the environment. Needs Python 3 and nothing else. Ends only what it started."""
import asyncio
import json
import multiprocessing
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SUBSCRIBERS = int(os.environ.get("SUBSCRIBERS", 1000))
RATE = int(os.environ.get("RATE", 100))
SECONDS = int(os.environ.get("SECONDS", 10))


class Site:
    """An engine in a temporary folder."""

    def __init__(self, program, jobs):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.data = pathlib.Path(self.folder.name) / "data"
        file = pathlib.Path(self.folder.name) / "jobs.yaml"
        file.write_text(json.dumps({"workers": [{"id": "w", "capacity": 64}], "jobs": jobs}))
        args = [program, "--headless", "--listen", "none", "--jobs", file, "--data-dir", self.data]
        self.engine = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
        while "ready" not in (line := self.engine.stderr.readline()):
            if not line:
                sys.exit("the engine did not start")
        self.socket = str(self.data / "crontower.sock")

    def memory(self):
        text = pathlib.Path(f"/proc/{self.engine.pid}/status").read_text()
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) // 1024

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.engine.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.engine.send_signal(signal.SIGTERM)
        self.engine.wait(30)
        self.folder.cleanup()


async def ask(reader, writer, method, path):
    """One request on a connection that stands; the answer's body."""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 2"):
        sys.exit(f"{method} {path}: {head.decode()}{body.decode()}")
    return body


class Stream:
    """A stream of events: proves in each piece that is read that its numbers go on where the last ones ended."""

    room = bytearray(1 << 20)

    def __init__(self, path):
        self.count, self.last, self.broken, self.left = 0, None, False, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        while b"\r\n\r\n" not in self.left:
            self.left += self.socket.recv(1 << 16)
        self.left = self.left.split(b"\r\n\r\n", 1)[1]
        self.socket.setblocking(False)

    def take(self):
        """Reads what is there, into memory that is there already."""
        kept = len(self.left)
        self.room[:kept] = self.left
        try:
            read = self.socket.recv_into(memoryview(self.room)[kept:])
        except BlockingIOError:
            return
        self.broken |= read == 0
        # Up to the end of the last event that is whole.
        end = self.room.rfind(b"\n\n", 0, kept + read) + 2
        if end < 2:
            end = 0
        self.left = bytes(memoryview(self.room)[end : kept + read])
        if count := self.room.count(b"\ndata: ", 0, end):
            first = self.number(self.room.index(b"id: ", 0, end))
            last = self.number(self.room.rindex(b"id: ", 0, self.room.rindex(b"\ndata: ", 0, end)))
            self.broken |= last - first + 1 != count or self.last not in (None, first - 1)
            self.count, self.last = self.count + count, last

    def number(self, at):
        return int(self.room[at + 4 : self.room.index(b"\n", at)])


def listen(path, pipe):
    """A process of its own, so that the runs are not held up by those who listen: reads up to the number it is told."""
    streams = [Stream(path) for _ in range(SUBSCRIBERS)]
    pipe.send("ready")
    newest, until, begun, used = None, None, time.time(), time.process_time()
    while newest is None or (any((stream.last or 0) < newest for stream in streams) and time.time() < until):
        # Each is read five times a second, all of them spread over that time.
        for number, stream in enumerate(streams):
            if number % 20 == 0:
                time.sleep(0.2 / (SUBSCRIBERS / 20))
            stream.take()
        if newest is None and pipe.poll():
            newest, told = pipe.recv(), time.time()
            until, used, span = told + 60, time.process_time() - used, told - begun
    gaps = sum(stream.broken or (stream.last or 0) < newest for stream in streams)
    pipe.send((min(stream.count for stream in streams), gaps, round(time.time() - told, 1), round(used / span, 2)))


async def load(site):
    """RATE runs a second for SECONDS: how long each POST took, in milliseconds."""
    connections = [await asyncio.open_unix_connection(site.socket) for _ in range(16)]
    free = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    took = []

    async def run():
        connection = await free.get()
        begun = time.perf_counter()
        await ask(*connection, "POST", "/api/v1/jobs/echo/run")
        took.append((time.perf_counter() - begun) * 1000)
        free.put_nowait(connection)

    begun, tasks = time.perf_counter(), []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0, begun + number / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(run()))
    await asyncio.gather(*tasks)
    for _, writer in connections:
        writer.close()
        await writer.wait_closed()
    return took, time.perf_counter() - begun


def told(took):
    took = sorted(took)
    p99 = took[len(took) * 99 // 100]
    return {"median_ms": round(statistics.median(took), 2), "p99_ms": round(p99, 2), "max_ms": round(took[-1], 1)}


ECHO = {"id": "echo", "command": "echo", "args": {"message": "x"}, "overlap": "allow"}


async def subscribers(program):
    site = Site(program, [ECHO])
    try:
        await load(site)
        alone, _ = await load(site)
        pipe, far = multiprocessing.Pipe()
        listener = multiprocessing.Process(target=listen, args=(site.socket, far))
        listener.start()
        await asyncio.to_thread(pipe.recv)
        before, cpu = site.memory(), site.cpu()
        among, span = await load(site)
        used, highest = site.cpu() - cpu, site.memory()
        reader, writer = await asyncio.open_unix_connection(site.socket)
        pipe.send(json.loads(await ask(reader, writer, "GET", "/api/v1/status"))["seq"])
        each, gaps, caught_up, readers = await asyncio.to_thread(pipe.recv)
        listener.join()
        row = {
            "subscribers": SUBSCRIBERS, "runs_a_second": round(len(among) / span, 1), "alone": told(alone), "among": told(among),
            "events_each": each, "with_a_gap": gaps, "caught_up_after_s": caught_up, "memory_mb": [before, highest, site.memory()],
            "engine_cpu_of_a_core": round(used / span, 2), "readers_cpu_of_a_core": readers,
        }
        print(json.dumps({"bench": "subscribers", **row}))
    finally:
        site.end()


async def requests(program):
    jobs = [{"id": f"job-{n}", "run": "true", "schedule": "daily at 3 AM"} for n in range(99)] + [ECHO]
    site = Site(program, jobs)
    try:
        for method, path, count in [
            ("GET", "/api/v1/jobs", 5_000), ("GET", "/api/v1/status", 20_000), ("POST", "/api/v1/jobs/echo/run", 5_000),
        ]:
            connections = [await asyncio.open_unix_connection(site.socket) for _ in range(16)]

            async def many(connection):
                for _ in range(count // 16):
                    size = len(await ask(*connection, method, path))
                return size

            begun = time.perf_counter()
            sizes = await asyncio.gather(*map(many, connections))
            rate = count // 16 * 16 / (time.perf_counter() - begun)
            row = {"asked": f"{method} {path}", "a_second": round(rate), "bytes": sizes[0], "memory_mb": site.memory()}
            print(json.dumps({"bench": "requests", **row}))
            for _, writer in connections:
                writer.close()
    finally:
        site.end()


BENCHES = {"subscribers": subscribers, "requests": requests}
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[2:] or BENCHES:
        asyncio.run(BENCHES[name](sys.argv[1]))
