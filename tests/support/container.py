"""Runs a program in the unpacked file system of an image as a container runtime does, where none may run.

    python container.py ROOT UID PROGRAM ARGUMENT...

The program is process 1 of its own, of user and group UID, without capabilities or a way to any; it sees ROOT, which
cannot be written, /proc and nothing else. TERM is passed on; the exit status is the program's. Needs root; works in a
chroot, where crun and bwrap do not (they must pivot).
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from typing import NoReturn

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_PIDS = 0x00020000, 0x20000000
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_SET_DEATH_SIGNAL, _DROP_BOUNDING, _NO_NEW_PRIVILEGES = 1, 24, 38


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    _check(_LIBC.mount(*words, ctypes.c_ulong(flags), None))


def _prctl(option: int, argument: int) -> None:
    _check(_LIBC.prctl(option, ctypes.c_ulong(argument), 0, 0, 0))


def _keep_mounts_to_ourselves() -> None:
    try:
        _mount(None, "/", None, _PRIVATE | _RECURSIVE)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the root of a chroot need not be a mount
            raise


def _drop_capabilities() -> None:
    capability = 0
    try:
        while True:
            _prctl(_DROP_BOUNDING, capability)
            capability += 1
    except OSError as error:
        if error.errno != errno.EINVAL or capability == 0:  # one behind the last
            raise


def _become(root: str, user: int, argv: list[str]) -> NoReturn:
    _mount("proc", f"{root}/proc", "proc", _NO_SETUID | _NO_DEVICES)
    os.chroot(root)
    os.chdir("/")
    _drop_capabilities()
    _prctl(_NO_NEW_PRIVILEGES, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # after the change of user, which clears it
    os.execv(argv[0], argv)


def main() -> int:
    """Run it; returns the exit status."""
    root, user, *argv = sys.argv[1:]
    _check(_LIBC.unshare(_NEW_MOUNTS | _NEW_PIDS))
    _keep_mounts_to_ourselves()
    _mount(root, root, None, _BIND)
    _mount(None, root, None, _PRIVATE)
    _mount(None, root, None, _BIND | _REMOUNT | _READ_ONLY | _NO_SETUID | _NO_DEVICES)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        _become(root, int(user), argv)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
