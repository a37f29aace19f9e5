#!/usr/bin/env python3
"""What the screen sends down the line, how fast it answers a key, and how fast it is there.

usage: screen.py CRONTOWER [--seconds 60] [--keys 100] [--jobs 1000,10000] [--starts 5]
                 [--only idle,filter]

Prints one line of JSON a row:
- `idle`, `busy`: 5 jobs that rest, or fire each second, at 80x24: bytes a minute, CPU seconds a
  minute, and key to paint: from a key going in to the first byte of the frame that it changed.
- `start`: from exec to the first frame that shows the list of so many jobs, whole.
- `filter`: key to paint while a filter is typed and taken away again, over so many jobs.
- `history`: so many executions in the store: the Executions tab from its key to its rows, and key to
  paint while it is scrolled.
- `storm`: so many jobs fire each second: key to paint on the tabs Executions and System.

Works in a temporary folder, and ends only the processes that it started."""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
import uuid

COLUMNS, ROWS = 80, 24
# The screen as a whole is sent within this, or something is wrong.
PATIENCE = 30.0
# A frame is over when nothing has come for so long.
STILL = 0.03


class Screen:
    """A program on a terminal of its own."""

    def __init__(self, arguments, home):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CRONTOWER_")}
        environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": home}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                # The size is there before the program is, so that no second frame is needed.
                size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.execve(arguments[0], arguments, environment)
            finally:
                os._exit(127)

    def read(self, seconds):
        """What comes next within so many seconds; nothing at the end of the program."""
        if not select.select([self.terminal], [], [], max(seconds, 0))[0]:
            return b""
        try:
            return os.read(self.terminal, 1 << 16)
        except OSError:
            sys.exit(f"the program ended too early: {os.waitpid(self.pid, 0)[1]}")

    def read_until(self, holds):
        """Reads until what came holds it; what came."""
        seen, end = b"", time.perf_counter() + PATIENCE
        while not holds(seen):
            if time.perf_counter() > end:
                sys.exit(f"the screen did not show what it should: {seen[-2000:]!r}")
            seen += self.read(0.1)
        return seen

    def read_for(self, seconds):
        """Bytes that came in so many seconds."""
        count, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
        return count

    def settle(self, second):
        """Waits for a moment in which nothing is due: past `second` of a second, and still."""
        while True:
            time.sleep((second - time.time()) % 1)
            while self.read(0):
                pass
            if not self.read(STILL):
                return

    def press(self, key):
        """Milliseconds from a key to the first byte of what it changed."""
        start = time.perf_counter()
        os.write(self.terminal, key)
        answered = self.read(1.0)
        took = (time.perf_counter() - start) * 1e3
        while self.read(STILL):
            pass
        return took if answered else None

    def press_once(self, key):
        """The same while frames come all the time: up to the next byte."""
        while self.read(0):
            pass
        start = time.perf_counter()
        os.write(self.terminal, key)
        return (time.perf_counter() - start) * 1e3 if self.read(1.0) else None

    def burst(self, key):
        """Milliseconds from a key to the last byte of all that it brings."""
        start = last = time.perf_counter()
        os.write(self.terminal, key)
        while time.perf_counter() - last < 0.15:
            if self.read(0.02):
                last = time.perf_counter()
        return (last - start) * 1e3

    def worked(self):
        """Milliseconds of CPU that the program has used, to the microsecond."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="utf-8") as file:
                total += int(file.read().split()[0])
        return total / 1e6

    def cpu(self):
        """Seconds of CPU that the program has used."""
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        """Ends the program, which gives the terminal back first."""
        os.kill(self.pid, signal.SIGTERM)
        end = time.perf_counter() + 5
        while time.perf_counter() < end:
            try:
                self.read_quietly()
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
            except ChildProcessError:
                break
        else:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def read_quietly(self):
        """A program that ends must not wait for its last bytes to be read."""
        try:
            if select.select([self.terminal], [], [], 0.05)[0]:
                os.read(self.terminal, 1 << 16)
        except OSError:
            time.sleep(0.01)


class World:
    """A jobs file and a data folder, gone at the end with the worker that was started in it."""

    def __init__(self, program, jobs):
        self.program, self.folder = program, tempfile.mkdtemp(prefix="screen-bench-")
        self.data = os.path.join(self.folder, "data")
        self.jobs = os.path.join(self.folder, "jobs.yaml")
        with open(self.jobs, "w", encoding="utf-8") as file:
            file.write("timezone: UTC\non_stop: cancel\njobs:\n")
            file.writelines(f"  - {json.dumps(job)}\n" for job in jobs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The worker ends by itself when it is idle and alone; its data goes with it.
        shutil.rmtree(self.folder, ignore_errors=True)

    def screen(self):
        """The program, with engine and screen."""
        where = ["--data-dir", self.data, "--jobs", self.jobs, "--listen", "none"]
        return Screen([self.program, *where], self.folder)


def jobs(count, schedule):
    """So many jobs that say something harmless."""
    command = {"command": "echo", "args": {"message": "hello"}}
    return [{"id": f"job-{n:05}", "schedule": schedule, **command} for n in range(count)]


def resting(count):
    """Jobs that do not fire while they are looked at."""
    return jobs(count, f"0 {(time.gmtime().tm_hour + 12) % 24} * * *")


def firing(count):
    """Jobs that fire each second."""
    return jobs(count, "* * * * * *")


def whole(count):
    """Whether the list of so many jobs is there down to the last line of the screen."""
    last = min(count, ROWS - 4) - 1
    name = f"job-{last:05}"

    def holds(seen):
        text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b" ", seen)
        return name.encode() in text and b"keys" in text.split(name.encode())[-1]

    return holds


def percentile(values, percent):
    """Of sorted values, the one that so many percent are not above."""
    return round(sorted(values)[max(0, -(-len(values) * percent // 100) - 1)], 2)


def live(name, jobs, program, options):
    """Bytes a minute and key to paint."""
    with World(program, jobs) as world:
        screen = world.screen()
        try:
            screen.read_until(lambda seen: b"keys" in seen)
            screen.read_for(5)
            cpu = screen.cpu()
            sent = screen.read_for(options.seconds)
            cpu = screen.cpu() - cpu
            times = []
            for n in range(options.keys):
                # Away from the tick of the clock, and from what fires on the full second.
                screen.settle(0.4)
                times.append(screen.press(b"jk"[n % 2 : n % 2 + 1]))
        finally:
            screen.close()
    answered = [took for took in times if took is not None]
    scale = 60 / options.seconds
    return {
        "row": name,
        "jobs": len(jobs),
        "size": f"{COLUMNS}x{ROWS}",
        "bytes_per_minute": round(sent * scale),
        "cpu_seconds_per_minute": round(cpu * scale, 2),
        "keys": len(times),
        "unanswered": len(times) - len(answered),
        "key_to_paint_p50_ms": percentile(answered, 50) if answered else None,
        "key_to_paint_p99_ms": percentile(answered, 99) if answered else None,
    }


def start(count, program, options):
    """From exec to the whole list: the first start on a new data folder, and later ones."""
    times = []
    with World(program, resting(count)) as world:
        for _ in range(options.starts):
            begun = time.perf_counter()
            screen = world.screen()
            try:
                screen.read_until(whole(count))
                times.append((time.perf_counter() - begun) * 1e3)
                screen.read_for(0.5)
            finally:
                screen.close()
    later = times[1:] or times
    return {
        "row": "start",
        "jobs": count,
        "size": f"{COLUMNS}x{ROWS}",
        "first_ms": round(times[0], 1),
        "again_median_ms": round(statistics.median(later), 1),
        "again_worst_ms": round(max(later), 1),
    }


def pressed(times):
    """Key to paint of presses, as numbers of a row."""
    answered = [took for took in times if took is not None]
    return {
        "keys": len(times),
        "unanswered": len(times) - len(answered),
        "key_to_paint_p50_ms": percentile(answered, 50) if answered else None,
        "key_to_paint_p99_ms": percentile(answered, 99) if answered else None,
        "key_to_paint_worst_ms": percentile(answered, 100) if answered else None,
    }


def filtering(count, program, options):
    """A filter is typed letter by letter, and taken away again."""
    words = [b"job-00", b"999", b"xyzzy", b"jb09"]
    times, cost = [], []
    with World(program, resting(count)) as world:
        screen = world.screen()
        try:
            screen.read_until(whole(count))
            screen.read_for(2)
            while len(times) < options.keys:
                word = words[len(times) % len(words)]
                screen.settle(0.2)
                screen.press(b"/")
                worked = screen.worked()
                before = len(times)
                times += [screen.press(word[n : n + 1]) for n in range(len(word))]
                times.append(screen.press(b"\x15"))
                cost.append((screen.worked() - worked) / (len(times) - before))
                screen.press(b"\x1b")
                screen.read_for(0.1)
        finally:
            screen.close()
    row = {"row": "filter", "jobs": count, "size": f"{COLUMNS}x{ROWS}", **pressed(times)}
    return row | {"cpu_per_key_ms": round(statistics.median(cost), 2)}


def has_ended(data):
    """Whether the one execution of a store has succeeded."""
    store = sqlite3.connect(f"file:{data}/crontower.db?mode=ro", uri=True)
    found = store.execute("SELECT 1 FROM executions WHERE state = 'succeeded'").fetchone()
    store.close()
    return found is not None


def multiply(data, count):
    """Copies the one execution of a store until there are so many."""
    store = sqlite3.connect(os.path.join(data, "crontower.db"))
    names = [row[1] for row in store.execute("PRAGMA table_info(executions)")]
    row = dict(zip(names, store.execute("SELECT * FROM executions").fetchone()))
    body = store.execute("SELECT body FROM execution_bodies").fetchone()[0]
    one = row["id"]
    dashed = str(uuid.UUID(one))
    with store:
        for n in range(1, count):
            # Older than the one: its first digits are its time in milliseconds.
            new = f"{int(one[:12], 16) - 40 * n:012x}{one[12:]}"
            # Neighbours differ, so that scrolling by a row changes what is to be seen.
            job = f"job-{n % 5:05}"
            copy = row | {"id": new, "job_id": job}
            for name in ("fire_time", "created_at", "started_at", "finished_at"):
                copy[name] -= 40_000 * n
            values = [copy[name] for name in names]
            marks = ",".join("?" * len(names))
            store.execute(f"INSERT INTO executions VALUES ({marks})", values)
            text = body.replace(one, new).replace(dashed, str(uuid.UUID(new)))
            text = text.replace(row["job_id"], job)
            store.execute("INSERT INTO execution_bodies VALUES (?, ?)", (new, text))
    store.close()


def history(count, program, options):
    """A long history is opened and scrolled."""
    with World(program, resting(5)) as world:
        screen = world.screen()
        screen.read_until(lambda seen: b"keys" in seen)
        screen.press(b"r")
        screen.read_until(lambda seen: has_ended(world.data))
        screen.close()
        multiply(world.data, count)
        screen = world.screen()
        try:
            screen.read_until(lambda seen: b"keys" in seen)
            screen.read_for(2)
            screen.settle(0.2)
            opened = screen.burst(b"2")
            screen.read_for(0.5)
            keys = [b"\x1b[6~", b"j", b"k", b"\x1b[5~", b"\x04", b"\x15"]
            times = []
            for n in range(options.keys):
                if n % 10 == 0:
                    screen.settle(0.2)
                times.append(screen.press(keys[n % len(keys)]))
            screen.settle(0.2)
            end = screen.burst(b"G")
        finally:
            screen.close()
    row = {"row": "history", "executions": count, "size": f"{COLUMNS}x{ROWS}"}
    row |= {"opened_ms": round(opened, 1), "to_the_end_ms": round(end, 1)}
    return row | pressed(times)


def storm(count, program, options):
    """Keys while so many jobs fire each second."""
    times = {}
    with World(program, firing(count)) as world:
        screen = world.screen()
        try:
            screen.read_until(lambda seen: b"keys" in seen)
            screen.read_for(5)
            for tab, name in ((b"2", "executions"), (b"4", "system")):
                os.write(screen.terminal, tab)
                screen.read_for(2)
                times[name] = []
                for n in range(options.keys):
                    # Whatever comes next holds the key's change, or something newer.
                    screen.read_for(0.05)
                    times[name].append(screen.press_once(b"jk"[n % 2 : n % 2 + 1]))
        finally:
            screen.close()
    row = {"row": "storm", "jobs": count, "size": f"{COLUMNS}x{ROWS}"}
    return row | {name: pressed(took) for name, took in times.items()}


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="path of a crontower binary")
    parser.add_argument("--seconds", type=int, default=60, help="how long bytes are counted")
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--jobs", default="1000,10000", help="how many, for the starts")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--only", default="", help="rows that are measured; none = all")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    rows = [lambda: live("idle", resting(5), program, options)]
    rows.append(lambda: live("busy", firing(5), program, options))
    for count in map(int, filter(None, options.jobs.split(","))):
        rows.append(lambda count=count: start(count, program, options))
    rows = list(zip(["idle", "busy"] + ["start"] * (len(rows) - 2), rows))
    rows.append(("filter", lambda: filtering(10_000, program, options)))
    rows += [("history", lambda n=n: history(n, program, options)) for n in (100, 100_000)]
    rows.append(("storm", lambda: storm(1_000, program, options)))
    only = set(filter(None, options.only.split(",")))
    for row in [row for name, row in rows if not only or name in only]:
        print(json.dumps({"program": version.stdout.strip(), **row()}), flush=True)


if __name__ == "__main__":
    main()
