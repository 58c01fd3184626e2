"""Migrations of the store: ordered, once, locked, and refused when they do not fit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.store_log import BOT_ID, connected, rows

MIGRATIONS = ROOT / "services/store/postgres/migrations"


async def _migrate(binaries: Path, url: str, bot_id: int = BOT_ID, command: str = "migrate") -> tuple[int, str]:
    environment = {"STORE_BOT_ID": str(bot_id), "STORE_DATABASE_URL": url, "STORE_ADMIN_LISTEN": "127.0.0.1:0",
                   "STORE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    process = await asyncio.create_subprocess_exec(
        binaries / "telefact-store", command, env=environment, stderr=asyncio.subprocess.PIPE)
    _, text = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, text.decode()


def test_migrating_twice_and_at_once_changes_nothing_more(binaries: Path, database_url: str) -> None:
    async def body() -> None:
        url = database_url.replace("postgresql://", "postgresql+asyncpg://")
        answers = await asyncio.gather(*[_migrate(binaries, url) for _ in range(6)])
        assert [code for code, _ in answers] == [0] * 6, answers
        assert sum("applied=0" not in text for _, text in answers) == 1
        assert (await _migrate(binaries, url))[0] == 0

    asyncio.run(body())
    with connected(database_url) as database:
        found = rows(database, "SELECT version, name FROM telefact.schema_migrations ORDER BY 1")
        files = sorted(path.name for path in MIGRATIONS.glob("*.sql"))
        assert found == [(int(name[:4]), name) for name in files]
        assert rows(database, "SELECT bot_id FROM telefact.identity") == [(BOT_ID,)]
        assert rows(database, "SELECT generation FROM telefact.active") == [(1,)]


def test_the_views_have_the_seeds_columns_and_defaults(binaries: Path, database_url: str) -> None:
    assert asyncio.run(_migrate(binaries, database_url))[0] == 0
    with connected(database_url) as database:
        found = rows(database, "SELECT table_schema || '.' || table_name, column_name, data_type, column_default "
                               "FROM information_schema.columns WHERE table_schema IN ('tt', 'core') "
                               "ORDER BY 1, ordinal_position")
    assert found == [
        ("core.users", "id", "bigint", None),
        ("core.users", "username", "text", None),
        ("core.users", "first_name", "text", None),
        ("core.users", "created_at", "timestamp with time zone", None),
        ("core.users", "settings", "jsonb", "'{}'::jsonb"),
        ("tt.music", "pk_id", "bigint", None),
        ("tt.music", "user_id", "bigint", None),
        ("tt.music", "downloaded_at", "bigint", None),
        ("tt.music", "video_id", "bigint", None),
        ("tt.users", "user_id", "bigint", None),
        ("tt.users", "registered_at", "bigint", None),
        ("tt.users", "lang", "text", "'en'::text"),
        ("tt.users", "link", "text", None),
        ("tt.users", "file_mode", "boolean", "false"),
        ("tt.users", "ad_count", "integer", "0"),
        ("tt.users", "ad_cooldown", "bigint", "0"),
        ("tt.videos", "pk_id", "bigint", None),
        ("tt.videos", "user_id", "bigint", None),
        ("tt.videos", "downloaded_at", "bigint", None),
        ("tt.videos", "video_link", "text", None),
        ("tt.videos", "is_images", "boolean", "false"),
        ("tt.videos", "is_processed", "boolean", "false"),
        ("tt.videos", "is_inline", "boolean", "false"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("INSERT INTO telefact.schema_migrations VALUES (99, '0099_later.sql', 'x')", "newer"),
        ("UPDATE telefact.schema_migrations SET checksum = 'x'", "not the one of this build"),
        ("DELETE FROM telefact.schema_migrations", "already exists"),
    ],
)
def test_P10_a_schema_that_does_not_fit_is_refused(binaries: Path, database_url: str, change: str, says: str) -> None:
    assert asyncio.run(_migrate(binaries, database_url))[0] == 0
    with connected(database_url) as database:
        database.execute(change)  # type: ignore[arg-type]
    code, text = asyncio.run(_migrate(binaries, database_url))
    assert code == 1
    assert says in text


def test_a_database_of_another_bot_is_refused(binaries: Path, database_url: str) -> None:
    assert asyncio.run(_migrate(binaries, database_url))[0] == 0
    code, text = asyncio.run(_migrate(binaries, database_url, bot_id=BOT_ID + 1))
    assert code == 1
    assert f"belongs to bot {BOT_ID}" in text
