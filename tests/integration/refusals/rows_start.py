"""What is refused before a process serves: settings and command lines. Such a process has no log and no metrics yet: its
exit status is the code, and a line on standard error that begins with the variable's or its own name says what is wrong.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.canary import BOT_ID, SECRET, TOKEN

USAGE, CONFIGURATION, FAILED = 64, 78, 1
GOOD = {
    "telefact-gateway": {
        "GATEWAY_BOT_TOKEN": TOKEN,
        "GATEWAY_WEBHOOK_SECRET": SECRET,
        "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "GATEWAY_API_BASE_URL": "http://127.0.0.1:1",
    },
    "telefact-store": {
        "STORE_BOT_ID": str(BOT_ID),
        "STORE_DATABASE_URL": "postgresql://telefact:canary-password@127.0.0.1:1/telefact",
        "STORE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    },
}
SECRETS = (TOKEN.partition(":")[2], "canary-secret", "canary-password")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    def lines_of(self, name: str) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith(f"{name}: ")]


def run(binaries: Path, program: str, words: tuple[str, ...], changed: Mapping[str, str | None]) -> Ended:
    """A command with the good settings, but for these (None: not set)."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    environment = kept | {n: v for n, v in (GOOD[program] | dict(changed)).items() if v is not None}
    ended = subprocess.run(
        [binaries / program, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    # librdkafka may have tried to connect already.
    said = [line for line in ended.stderr.splitlines() if " msg=librdkafka " not in line]
    return Ended(ended.returncode, ended.stdout, "\n".join(said))


# ---- settings ----


@dataclass(frozen=True, slots=True)
class Setting:
    """A wrong setting: the variable that is blamed, and a part of what is said of it."""

    program: str
    name: str
    says: str
    changed: Mapping[str, str | None]
    words: tuple[str, ...] = ("--check-config",)
    status: int = CONFIGURATION

    def __str__(self) -> str:
        return f"{self.name}-{self.says}".replace(" ", "_")


def _gateway(name: str, says: str, **changed: str | None) -> Setting:
    return Setting("telefact-gateway", name, says, changed or {name: None})


def _store(name: str, says: str, **changed: str | None) -> Setting:
    return Setting("telefact-store", name, says, changed or {name: None})


SETTINGS = [
    _gateway("GATEWAY_TYPO", "is unknown", GATEWAY_TYPO="1"),
    _gateway("GATEWAY_MAX_INFLIGHT", "did you mean GATEWAY_MAX_IN_FLIGHT?", GATEWAY_MAX_INFLIGHT="1"),
    _gateway("GATEWAY_BOT_TOKEN", "missing; set it, or GATEWAY_BOT_ID"),
    _gateway("GATEWAY_BOT_TOKEN", "not of the form", GATEWAY_BOT_TOKEN="12345"),
    _gateway("GATEWAY_BOT_TOKEN", "not of the form", GATEWAY_BOT_TOKEN=TOKEN.replace(str(BOT_ID), "x")),
    _gateway("GATEWAY_BOT_TOKEN", "Telegram is asked for updates with it", GATEWAY_BOT_TOKEN=None, GATEWAY_BOT_ID="5",
             GATEWAY_MODE="polling"),
    _gateway("GATEWAY_BOT_ID", "is not the bot of GATEWAY_BOT_TOKEN", GATEWAY_BOT_ID="5"),
    _gateway("GATEWAY_WEBHOOK_SECRET", "missing; the webhook listens publicly"),
    _gateway("GATEWAY_WEBHOOK_SECRET", "only 1 to 256 of", GATEWAY_WEBHOOK_SECRET="canary-secret with blanks"),
    _gateway("GATEWAY_WEBHOOK_SECRET", "only 1 to 256 of", GATEWAY_WEBHOOK_SECRET="canary-secret" + "x" * 256),
    _gateway("GATEWAY_WEBHOOK_SECRET", "is set and so is GATEWAY_WEBHOOK_SECRET_FILE",
             GATEWAY_WEBHOOK_SECRET_FILE="/dev/null"),
    _gateway("GATEWAY_WEBHOOK_SECRET_FILE", "cannot open", GATEWAY_WEBHOOK_SECRET=None,
             GATEWAY_WEBHOOK_SECRET_FILE="/nonexistent"),
    _gateway("GATEWAY_WEBHOOK_SECRET_FILE", "is empty", GATEWAY_WEBHOOK_SECRET=None,
             GATEWAY_WEBHOOK_SECRET_FILE="/dev/null"),
    _gateway("GATEWAY_WEBHOOK_SECRET_PREVIOUS", "only 1 to 256 of", GATEWAY_WEBHOOK_SECRET_PREVIOUS="canary-secret!"),
    _gateway("GATEWAY_WEBHOOK_PATH", "must start with /", GATEWAY_WEBHOOK_PATH="telegram"),
    _gateway("GATEWAY_WEBHOOK_PATH", "holds a colon", GATEWAY_WEBHOOK_PATH=f"/{TOKEN}"),
    _gateway("GATEWAY_FORWARD_URL", "must start with http", GATEWAY_FORWARD_URL="file:///canary-secret"),
    _gateway("GATEWAY_FORWARD_URL", "only in mode webhook", GATEWAY_FORWARD_URL="http://127.0.0.1/canary-secret",
             GATEWAY_MODE="polling"),
    _gateway("GATEWAY_DELIVERY_TIMEOUT_MS", "more than 55000", GATEWAY_FORWARD_URL="http://127.0.0.1/canary-secret",
             GATEWAY_DELIVERY_TIMEOUT_MS="40000"),
    _gateway("GATEWAY_API_BASE_URL", "must start with https://", GATEWAY_API_BASE_URL="ftp://canary-secret"),
    _gateway("GATEWAY_ROLES", "worker is not built yet", GATEWAY_ROLES="worker"),
    _gateway("GATEWAY_TOPIC_PREFIX", "1 to 200 of", GATEWAY_TOPIC_PREFIX="a b"),
    _gateway("GATEWAY_KAFKA_BOOTSTRAP_SERVERS", "missing"),
    _gateway("GATEWAY_KAFKA_ACKS", "is chosen by the service", GATEWAY_KAFKA_ACKS="0"),
    _gateway("telefact-gateway", "no.such.property", GATEWAY_KAFKA_NO_SUCH_PROPERTY="canary-secret"),
    _gateway("telefact-gateway", "GATEWAY_RPC_TOKENS_FILE", GATEWAY_RPC_TOKENS_FILE="/nonexistent"),
    _gateway("telefact-gateway", "GATEWAY_RPC_LISTEN: 0.0.0.0:1 is not loopback", GATEWAY_RPC_LISTEN="0.0.0.0:1"),
    _store("STORE_TYPO", "is unknown", STORE_TYPO="1"),
    _store("STORE_BOT_ID", "is required"),
    _store("STORE_DATABASE_URL", "is required"),
    _store("STORE_KAFKA_BOOTSTRAP_SERVERS", "missing, and the role ingest needs it"),
    _store("STORE_RPC_POOL_MIN", "larger than STORE_RPC_POOL_MAX", STORE_RPC_POOL_MIN="9", STORE_RPC_POOL_MAX="3"),
    _store("STORE_LOCK_TIMEOUT_MS", "not below STORE_STATEMENT_TIMEOUT_MS", STORE_LOCK_TIMEOUT_MS="9000",
           STORE_STATEMENT_TIMEOUT_MS="3000"),
    _store("STORE_KAFKA_ENABLE_AUTO_COMMIT", "is chosen by the service", STORE_KAFKA_ENABLE_AUTO_COMMIT="true"),
    _store("telefact-store", "STORE_DATABASE_URL", STORE_DATABASE_URL="postgresql://x:canary-password@h/d?nonsense=1"),
    _store("telefact-store", "STORE_RPC_TOKENS_FILE", STORE_RPC_TOKENS_FILE="/nonexistent"),
    _store("telefact-store", "STORE_RPC_ADMIN_TOKENS_FILE", STORE_RPC_ADMIN_TOKENS_FILE="/nonexistent"),
    _store("STORE_KAFKA_BOOTSTRAP_SERVERS", "STORE_RPC_ADMIN_TOKENS_FILE needs it", STORE_KAFKA_BOOTSTRAP_SERVERS=None,
           STORE_ROLES="rpc", STORE_RPC_ADMIN_TOKENS_FILE="/nonexistent"),
    _store("telefact-store", "STORE_RPC_LISTEN: 0.0.0.0:1 is not loopback", STORE_RPC_LISTEN="0.0.0.0:1"),
]


def wrong_values(reference: str) -> list[dict[str, str]]:
    """From --print-settings: for every setting with a form, values against it; each dict is for one process."""
    no_value: dict[str, str] = {}
    beyond: dict[str, str] = {}
    for name, form in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", reference, re.M):
        numbers = re.fullmatch(r"(-?\d+) to (\d+)", form.strip())
        if numbers:
            no_value[name] = "canary-secret"
            beyond[name] = str(int(numbers[2]) + 1)
        elif form.startswith(("one of", "any of", "true or false")):
            no_value[name] = "canary-secret"
    return [no_value, beyond]


# ---- command lines ----


@dataclass(frozen=True, slots=True)
class Command:
    """A command line that is refused, and the beginning of what is said."""

    program: str
    words: tuple[str, ...]
    status: int
    says: str
    changed: Mapping[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.program}-{'-'.join(self.words) or 'nothing'}-{self.says[:30]}".replace(" ", "_")


def _usage(*words: str, says: str, program: str = "telefact-gateway") -> Command:
    return Command(program, words, USAGE, says)


_URL = "https://example.org/x"
COMMANDS = [
    _usage("--nope", says="usage: telefact-gateway"),
    _usage("nope", says="telefact-gateway: unknown subcommand: nope"),
    _usage("topics", says="telefact-gateway: unknown subcommand: topics"),
    _usage("topics", "drop", says="telefact-gateway: unknown subcommand: topics drop"),
    _usage("run", "now", says="telefact-gateway: unknown subcommand: run now"),
    _usage("nope", says="telefact-store: unknown subcommand: nope", program="telefact-store"),
    _usage("migrate", "back", says="telefact-store: unknown subcommand: migrate back", program="telefact-store"),
    _usage("webhook", says="telefact-gateway: webhook: set, info, delete or rotate-secret?"),
    _usage("webhook", "drop", says="telefact-gateway: webhook: \"drop\" is none of"),
    _usage("webhook", "set", says="telefact-gateway: webhook set: --url is missing"),
    _usage("webhook", "set", "--url", "ftp://x", says="telefact-gateway: --url: must start with https://"),
    _usage("webhook", "set", "--url", f"https://x/{TOKEN}", says="telefact-gateway: --url: holds a bot token"),
    _usage("webhook", "set", "--url", _URL, "now", says="telefact-gateway: webhook set: \"now\" is too much"),
    _usage("webhook", "set", "--url", _URL, "--max-connections", "0", says="telefact-gateway: --max-connections: 1 to 100"),
    _usage("webhook", "set", "--url", _URL, "--allowed-updates", "x", says="telefact-gateway: --allowed-updates: \"x\""),
    _usage("webhook", "info", "--url", _URL, says="telefact-gateway: webhook info: see webhook --help"),
    Command("telefact-gateway", ("webhook", "set", "--url", _URL), CONFIGURATION,
            "telefact-gateway: GATEWAY_WEBHOOK_SECRET: missing", {"GATEWAY_WEBHOOK_SECRET": None}),
    Command("telefact-gateway", ("webhook", "rotate-secret"), CONFIGURATION,
            "telefact-gateway: GATEWAY_WEBHOOK_SECRET_PREVIOUS: missing"),
    Command("telefact-gateway", ("webhook", "rotate-secret"), CONFIGURATION,
            "telefact-gateway: GATEWAY_WEBHOOK_SECRET: is the same",
            {"GATEWAY_WEBHOOK_SECRET_PREVIOUS": GOOD["telefact-gateway"]["GATEWAY_WEBHOOK_SECRET"]}),
    Command("telefact-gateway", ("webhook", "set", "--url", _URL, "--certificate", "/nonexistent"), FAILED,
            "telefact-gateway: --certificate: "),
    Command("telefact-gateway", ("webhook", "info"), FAILED,
            "telefact-gateway: getWebhookInfo", {"GATEWAY_KAFKA_BOOTSTRAP_SERVERS": None}),
]
