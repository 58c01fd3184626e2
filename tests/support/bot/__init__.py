"""A scripted bot: publishes through the gateway's gRPC what follows from acknowledged updates.

async with ScriptedBot(["127.0.0.1:9090"], seed=1, log_path=path) as bot:
    telegram = FakeTelegram(..., on_acked=lambda entry: bot.take(entry.body))
    ...
    assert await bot.drain(60)
    bot.log.records
"""

from tests.support.bot.bot import ScriptedBot
from tests.support.bot.log import PublishLog, PublishRecord, read_publish_log
from tests.support.bot.plan import PlannedEvent, Planner

__all__ = ["PlannedEvent", "Planner", "PublishLog", "PublishRecord", "ScriptedBot", "read_publish_log"]
