#!/usr/bin/env python3
"""run_clang_tidy.py BUILD_FOLDER FILE...: clang-tidy on each file, and not again on one that was
clean before: the same after preprocessing, comments included, with the same checks."""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

CLEAN = pathlib.Path(".cache/clang-tidy")
TIDY = "clang-tidy-19"


def compile_command(entries, path):
    """The compiler's arguments for path, without its output."""
    words = shlex.split(entries[os.path.realpath(path)]["command"])
    words = words[words.index(next(w for w in words if "clang" in w)):]  # without ccache
    while "-o" in words:
        at = words.index("-o")
        del words[at:at + 2]
    return [w for w in words if w != "-c"]


@functools.cache
def tidy_version():
    return subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout


def fingerprint(build, entries, path):
    # -CC keeps the comments, where NOLINT stands; the files' names stay in the line markers.
    command = compile_command(entries, path) + ["-E", "-CC", "-o", "-"]
    text = subprocess.run(command, cwd=build, capture_output=True, check=True).stdout
    configs = [c for c in (".clang-tidy", "tests/.clang-tidy")
               if path.startswith(os.path.dirname(c))]
    parts = [text, tidy_version()] + [pathlib.Path(c).read_bytes() for c in configs]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def check(build, entries, path):
    """None when clean, else what clang-tidy says."""
    if os.path.realpath(path) not in entries:
        return f"{path}: not compiled by preset clang\n"
    try:
        stamp = CLEAN / fingerprint(build, entries, path)
    except subprocess.CalledProcessError as failure:
        return failure.stderr.decode()
    if stamp.exists():
        return None
    tidy = subprocess.run([TIDY, "-p", build, "--quiet", path], capture_output=True, text=True,
                          check=False)
    if tidy.returncode == 0 and not tidy.stdout.strip():
        stamp.touch()
        return None
    return tidy.stdout or tidy.stderr


def main(build, *paths):
    CLEAN.mkdir(parents=True, exist_ok=True)
    compiled = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    entries = {os.path.realpath(os.path.join(e["directory"], e["file"])): e for e in compiled}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = [s for s in pool.map(lambda path: check(build, entries, path), paths) if s]
    print("".join(said) or f"clang-tidy: {len(paths)} files", end="\n" if not said else "")
    return bool(said)


sys.exit(main(*sys.argv[1:]))
