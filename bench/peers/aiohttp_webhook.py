"""The webhook contender: aiohttp and confluent-kafka. Secret checked, JSON parsed, a small protobuf event produced with
idempotence and acks=all, 200 after the acknowledgement.

    python -m bench.peers.aiohttp_webhook PORT BOOTSTRAP TOPIC SECRET
"""

from __future__ import annotations

import asyncio
import hmac
import json
import sys
import threading

from aiohttp import web
from confluent_kafka import Producer

from tests.support.protos import event_pb2

BOT_ID = 123456789


class Sink:
    """Delivery reports come on a polling thread and are handed to the loop in groups."""

    def __init__(self, loop, bootstrap, topic):
        self.loop, self.topic = loop, topic
        self.done = []
        self.lock = threading.Lock()
        self.producer = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 2,
            "partitioner": "murmur2_random",
        })
        threading.Thread(target=self._poll, daemon=True).start()

    def _poll(self):
        while True:
            self.producer.poll(0.1)

    def _delivered(self, future, error):
        with self.lock:
            self.done.append((future, error))
            is_first = len(self.done) == 1
        if is_first:
            self.loop.call_soon_threadsafe(self._resolve)

    def _resolve(self):
        with self.lock:
            done, self.done = self.done, []
        for future, error in done:
            if not future.done():
                future.set_result(error is None)

    def put(self, key, value):
        future = self.loop.create_future()
        self.producer.produce(self.topic, value, key, on_delivery=lambda error, _: self._delivered(future, error))
        return future


def event_of(update):
    message = update["message"]
    sender = message["from"]
    event = event_pb2.Event(bot_id=BOT_ID, update_id=update["update_id"], occurred_at_ms=message["date"] * 1000)
    seen = event.user_seen
    seen.user_id = message["chat"]["id"]
    seen.lang = sender.get("language_code", "en")
    seen.personal.clear.first_name = sender["first_name"]
    return b"%d:%d" % (BOT_ID, seen.user_id), event.SerializeToString()


async def main(port, bootstrap, topic, secret):
    sink = Sink(asyncio.get_running_loop(), bootstrap, topic)

    async def webhook(request):
        if not hmac.compare_digest(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), secret):
            return web.Response(status=401)
        key, value = event_of(json.loads(await request.read()))
        return web.Response(status=200 if await sink.put(key, value) else 503)

    app = web.Application()
    app.router.add_post("/telegram", webhook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]))
