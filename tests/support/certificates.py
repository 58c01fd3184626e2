"""Throw-away certificates for servers on 127.0.0.1 and their clients, made by openssl."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import NamedTuple

DAY_S = 86_400
_CONFIG = """
[ca]
default_ca = own
[own]
database = {name}.index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


class Issued(NamedTuple):
    """A key and its certificate."""

    key: Path
    certificate: Path
    expires_at: int
    """Unix time."""


class Authority:
    """Signs certificates. Several may share a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._openssl("req", "-x509", *_new_key(folder / f"{name}.key"), "-out", f"{name}.crt", "-days", "30",
                      "-subj", f"/CN={name}")
        (folder / f"{name}.cnf").write_text(_CONFIG.format(name=name))
        (folder / f"{name}.index").touch()

    @property
    def certificate(self) -> Path:
        """What others must know to trust it."""
        return self._folder / f"{self._name}.crt"

    def issue(self, name: str, subject: str, *, valid_s: float = DAY_S, address: str = "127.0.0.1") -> Issued:
        """A certificate of this subject, in <name>.key and <name>.crt."""
        expires_at = int(time.time() + valid_s)
        begins_at = min(int(time.time()), expires_at) - DAY_S
        issued = Issued(self._folder / f"{name}.key", self._folder / f"{name}.crt", expires_at)
        (self._folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address},DNS:{address}\n")
        self._openssl("req", *_new_key(issued.key), "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        self._openssl("ca", "-batch", "-notext", "-config", f"{self._name}.cnf", "-cert", f"{self._name}.crt",
                      "-keyfile", f"{self._name}.key", "-in", f"{name}.csr", "-out", f"{name}.crt",
                      "-extfile", f"{name}.ext", "-startdate", _asn1(begins_at), "-enddate", _asn1(expires_at))
        return issued

    def _openssl(self, *arguments: str) -> None:
        ended = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=self._folder)
        assert ended.returncode == 0, ended.stderr


def _new_key(path: Path) -> tuple[str, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(path)


def _asn1(at: int) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at))
