"""The bot's outer half: batches over gRPC, retries with the same key, and the log."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from tests.support.bot.log import PublishLog, PublishRecord
from tests.support.bot.plan import PlannedEvent, Planner
from tests.support.protos import event_pb2, publish_grpc, publish_pb2

_FATAL = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
_BACKOFF_FIRST_S = 0.05
_BACKOFF_MAX_S = 1.0
_CHANNEL_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
)

_Work = tuple[PlannedEvent, PublishRecord]


class ScriptedBot:
    """Publishes what `Planner` decides. Use it as an async context manager.

    targets     host:port of one or several gateways; a retry goes to the next one.
    bearer      token for `authorization`, when the gateway demands one.
    bot_id      put into the events; 0: left unset, as the contract allows.
    batch_max   events in one request.
    lanes       requests under way at once; a subject always uses the same lane, so that its
                events enter Kafka in the order of the log.
    on_done     called with each record when it is durable.
    """

    def __init__(
        self,
        targets: Sequence[str],
        *,
        seed: int = 1,
        bearer: str = "",
        bot_id: int = 0,
        lanes: int = 4,
        batch_max: int = 50,
        deadline_s: float = 10.0,
        republish: float = 0.03,
        log_path: Path | None = None,
        on_done: Callable[[PublishRecord], None] | None = None,
    ) -> None:
        self.log = PublishLog(log_path)
        self.retries = 0
        """Requests that had to be sent again."""
        self._planner = Planner(seed, republish=republish)
        self._rng = random.Random(f"lanes {seed}")
        self._targets = list(targets)
        self._metadata = (("authorization", f"Bearer {bearer}"),) if bearer else ()
        self._bot_id = bot_id
        self._batch_max = batch_max
        self._deadline_s = deadline_s
        self._on_done = on_done or (lambda record: None)
        self._queues: list[deque[_Work]] = [deque() for _ in range(lanes)]
        self._wakes: list[asyncio.Event] = []
        self._drained = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._channels: list[grpc.aio.Channel] = []
        self._stubs: list[Any] = []

    async def __aenter__(self) -> ScriptedBot:
        self._channels = [grpc.aio.insecure_channel(target, _CHANNEL_OPTIONS) for target in self._targets]
        self._stubs = [publish_grpc.PublishServiceStub(channel) for channel in self._channels]
        self._wakes = [asyncio.Event() for _ in self._queues]
        self._drained.set()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run_lane(lane)) for lane in range(len(self._queues))]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError, grpc.RpcError):
                await task
        for channel in self._channels:
            await channel.close()
        self.log.close()

    @property
    def backlog(self) -> int:
        """Events planned and not yet finished."""
        return len(self.log.records) - self.log.finished

    def take(self, body: bytes) -> None:
        """Plan what follows from an acknowledged update and queue it. Never blocks."""
        for event in self._planner.plan(body):
            self.publish(event)

    def publish(self, event: PlannedEvent) -> PublishRecord:
        """Queue one event of one's own making."""
        record = self.log.add(event)
        lane = event.subject_id % len(self._queues)
        self._queues[lane].append((event, record))
        self._drained.clear()
        if self._wakes:
            self._wakes[lane].set()
        return record

    async def drain(self, deadline_s: float) -> bool:
        """Wait until every planned event is durable; False when the deadline passes first.

        Raises what made a lane give up (wrong token, no such service).
        """
        waiter = asyncio.ensure_future(self._drained.wait())
        try:
            done, _ = await asyncio.wait(
                [waiter, *self._tasks], timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiter.cancel()
        for task in done:
            if task is not waiter:
                task.result()
        return waiter in done

    async def _run_lane(self, lane: int) -> None:
        queue, wake = self._queues[lane], self._wakes[lane]
        while True:
            while not queue:
                wake.clear()
                await wake.wait()
            size = min(len(queue), self._rng.randint(1, self._batch_max))
            await self._publish_batch([queue.popleft() for _ in range(size)])
            if self.backlog == 0:
                self._drained.set()

    async def _publish_batch(self, batch: list[_Work]) -> None:
        """Send until every event of the batch is durable or refused, in order and with the same keys."""
        turn = self._rng.randrange(len(self._stubs))
        delay = _BACKOFF_FIRST_S
        while batch:
            before = len(batch)
            batch = await self._try_batch(self._stubs[turn % len(self._stubs)], batch)
            if batch and len(batch) == before:
                self.retries += 1
                turn += 1
                await asyncio.sleep(delay * (0.5 + self._rng.random() / 2))
                delay = min(delay * 2, _BACKOFF_MAX_S)

    async def _try_batch(self, stub: Any, batch: list[_Work]) -> list[_Work]:
        """One request; returns what is left to do."""
        request = publish_pb2.PublishRequest(events=[self._to_publish(event) for event, _ in batch])
        try:
            response = await stub.Publish(request, timeout=self._deadline_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            return await self._after_error(stub, batch, error)
        if len(response.results) != len(batch):
            raise AssertionError(f"{len(response.results)} results for {len(batch)} events")
        left = []
        for (event, record), result in zip(batch, response.results, strict=True):
            if result.HasField("error"):
                record.attempts.append(f"RESULT:{publish_pb2.PublishErrorCode.Name(result.error.code)}")
                left.append((event, record))
            else:
                self._finish(event, record, result)
        return left

    async def _after_error(self, stub: Any, batch: list[_Work], error: grpc.aio.AioRpcError) -> list[_Work]:
        for _, record in batch:
            record.attempts.append(error.code().name)
        if error.code() in _FATAL:
            raise error
        if error.code() != grpc.StatusCode.INVALID_ARGUMENT:
            return batch
        if len(batch) > 1:
            return await self._one_by_one(stub, batch)
        record = batch[0][1]
        record.refused = error.details() or "refused"
        self.log.finish(record)
        return []

    async def _one_by_one(self, stub: Any, batch: list[_Work]) -> list[_Work]:
        """After a refusal, which names one event only; a subject that fails keeps its later events waiting."""
        left: list[_Work] = []
        waiting: set[int] = set()
        for work in batch:
            failed = [work] if work[0].subject_id in waiting else await self._try_batch(stub, [work])
            left += failed
            waiting.update(event.subject_id for event, _ in failed)
        return left

    def _finish(self, event: PlannedEvent, record: PublishRecord, result: Any) -> None:
        record.attempts.append("OK")
        record.event_id = result.event_id
        record.partition = result.partition
        record.offset = result.offset
        record.deduplicated = result.deduplicated
        record.done = True
        self.log.finish(record)
        self._on_done(record)
        again = self._planner.repeat(event, record.index)
        if again is not None:
            self.publish(again)

    def _to_publish(self, event: PlannedEvent) -> Any:
        message = event_pb2.Event(
            bot_id=self._bot_id,
            update_id=event.update_id,
            occurred_at_ms=event.occurred_at_ms,
            **{event.kind: event.fields},
        )
        return publish_pb2.EventToPublish(idempotency_key=event.key, event=message)
