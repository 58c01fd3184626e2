#!/usr/bin/env python3
"""Write docs/settings.md from what both services print of their own tables.

    tools/settings_docs.py [--bin build/release/bin]          rewrite the page
    tools/settings_docs.py [--bin build/release/bin] --check  exit 1 when it is not up to date
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Settings

Both services are set by environment variables alone. Every fault of every variable is reported at once and the exit
code is 78; an unknown name with the service's prefix is a fault too. `--check-config` tests and shows what would be
used, secrets masked. A secret may stand in a file: `<NAME>_FILE` is its path.

This page is printed by the services themselves (`--print-settings`).
"""


def rendered(folder):
    parts = [HEAD]
    for name in ("telefact-gateway", "telefact-store"):
        run = subprocess.run([folder / name, "--print-settings"], check=True, capture_output=True, text=True)
        parts.append(run.stdout.strip() + "\n")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    wanted = rendered(options.bin)
    if not options.check:
        PAGE.write_text(wanted)
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        print("docs/settings.md: not what the services print; run tools/settings_docs.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
