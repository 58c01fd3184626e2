"""One status line that renews itself on a terminal; plain lines, seldom, elsewhere."""

from __future__ import annotations

import sys
import time

PLAIN_EVERY_S = 5.0


class Status:
    """Use it as a context manager."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_dirty = False
        self._shown_at = 0.0

    def __enter__(self) -> Status:
        return self

    def __exit__(self, *exc: object) -> None:
        self._clear()

    def show(self, text: str) -> None:
        """Where things stand; the next one replaces it."""
        if self._is_terminal:
            self._clear()
            print(f"  {text}", end="", flush=True)
            self._is_dirty = True
        elif time.monotonic() - self._shown_at >= PLAIN_EVERY_S:
            self._shown_at = time.monotonic()
            print(f"  {text}", flush=True)

    def line(self, text: str) -> None:
        """Something that stays to be read."""
        self._clear()
        print(text, flush=True)

    def _clear(self) -> None:
        if self._is_dirty:
            print("\r\033[K", end="", flush=True)
            self._is_dirty = False
