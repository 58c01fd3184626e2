"""Daemons that outlive the program that starts them, and that are only ever ended by their start.

A process is remembered as {"pid", "started"}; a pid that was given to another process meanwhile
has another start time and is never signalled.
"""
import os
import random
import signal
import socket
import subprocess
import time


def spawn(argv, log, cwd, user=None):
    """Start argv as a daemon writing to the file `log`, and return how to remember it."""
    with open(log, "ab") as out:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                 start_new_session=True, **run_as(user))
    child.returncode = 0  # a daemon: keeps Popen from warning that it still runs
    return remember(child.pid)


def remember(pid):
    """How to remember a process that runs."""
    return {"pid": pid, "started": _stat(pid)[1]}


def run_as(user):
    """The subprocess arguments that make a child run as `user` (a pwd entry); None: as we are."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def is_running(process):
    if process is None:
        return False
    state, started = _stat(process["pid"])
    return state not in (None, "Z", "X") and started == process["started"]


def children_of(process):
    """The direct children of a running process."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = _fields(int(pid))
        if fields and int(fields[1]) == process["pid"]:
            found.append({"pid": int(pid), "started": int(fields[19])})
    return found


def working_in(folder):
    """The pids of processes whose working directory is `folder`; a zombie has none."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(folder):
                found.append(int(pid))
        except OSError:
            continue
    return found


def end(process, signal_number=signal.SIGTERM, timeout_s=20):
    """Signal the process, wait until it is gone; SIGKILL when it takes longer than timeout_s."""
    for number, wait_s in ((signal_number, timeout_s), (signal.SIGKILL, 10)):
        if not is_running(process):
            break
        try:
            os.kill(process["pid"], number)
        except ProcessLookupError:
            break
        if wait_until(lambda: not _runs_after_reaping(process), wait_s):
            break


def wait_until(condition, timeout_s, interval_s=0.05):
    """True as soon as condition() is; False after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_s)
    return True


def free_ports(count):
    """Ports of loopback that nobody listens on, outside the range of outgoing connections, so that
    a stopped server finds its port free when it starts again."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def tail(path, lines=20):
    try:
        with open(path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])
    except OSError:
        return ""


def _runs_after_reaping(process):
    try:
        os.waitpid(process["pid"], os.WNOHANG)
    except ChildProcessError:
        pass
    return is_running(process)


def _stat(pid):
    fields = _fields(pid)
    return (fields[0], int(fields[19])) if fields else (None, None)


def _fields(pid):
    """/proc/PID/stat from the third field on; the second may hold spaces and brackets."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
