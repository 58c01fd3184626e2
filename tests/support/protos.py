"""The generated Python modules of `proto/`, made by grpcio-tools into `.cache/py_proto` when stale.

    from tests.support.protos import admin_grpc, admin_pb2, event_pb2, read_grpc, read_pb2

Several processes may import this at once: a lock file lets one of them generate.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parents[2]
_SOURCE = _ROOT / "proto"
_OUTPUT = _ROOT / ".cache" / "py_proto"


def _fingerprint(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(_SOURCE)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _generate_if_stale() -> None:
    files = sorted(_SOURCE.rglob("*.proto"))
    stamp = _OUTPUT / "stamp"
    _OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    with (_OUTPUT.parent / "py_proto.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _fingerprint(files)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(_OUTPUT, ignore_errors=True)
        _OUTPUT.mkdir()
        arguments = [f"-I{_SOURCE}", f"--python_out={_OUTPUT}", f"--pyi_out={_OUTPUT}", f"--grpc_python_out={_OUTPUT}"]
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", *arguments, *(str(file) for file in files)], check=True
        )
        stamp.write_text(wanted)


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


_generate_if_stale()
if str(_OUTPUT) not in sys.path:
    sys.path.insert(0, str(_OUTPUT))

event_pb2 = _module("telefact.event.v1.event_pb2")
raw_pb2 = _module("telefact.event.v1.raw_update_pb2")
publish_pb2 = _module("telefact.gateway.v1.publish_service_pb2")
publish_grpc = _module("telefact.gateway.v1.publish_service_pb2_grpc")
read_pb2 = _module("telefact.store.v1.read_service_pb2")
read_grpc = _module("telefact.store.v1.read_service_pb2_grpc")
admin_pb2 = _module("telefact.store.v1.admin_service_pb2")
admin_grpc = _module("telefact.store.v1.admin_service_pb2_grpc")
