"""What chaos does to the brokers and the log."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterable

from confluent_kafka import ElectionType, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.chaos.ground import Ground, Trouble
from tests.chaos.schedule import Fault
from tests.e2e.poison import USER, poisons
from tests.support.oracle import DeadLetter, ids
from tests.support.pair import BOT_ID

POISON_S = 10.0
ADMIN_S = 20.0
IN_SYNC_S = 120.0


def _node_id(fault: Fault) -> int:
    return int(fault.target[-1]) + 1


async def stop(ground: Ground, fault: Fault) -> bool:
    """It keeps its connections and answers nothing."""
    node = ground.servers.kafka.state["nodes"][int(fault.target[-1])]
    pid = node["process"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.duration_s)
    finally:
        os.kill(pid, signal.SIGCONT)
    return True


async def kill(ground: Ground, fault: Fault) -> bool:
    await asyncio.to_thread(ground.servers.kill_kafka, _node_id(fault))
    await asyncio.sleep(fault.duration_s)
    await asyncio.to_thread(ground.servers.launch_kafka, _node_id(fault))
    return True


async def terminate(ground: Ground, fault: Fault) -> bool:
    await asyncio.to_thread(ground.servers.stop_kafka, _node_id(fault))
    await asyncio.sleep(fault.duration_s)
    await asyncio.to_thread(ground.servers.launch_kafka, _node_id(fault))
    return True


async def elect_leaders(ground: Ground, fault: Fault) -> bool:
    """Each partition goes back to the broker that led it at first; which were moved tells whether it happened."""
    pair = ground.pair
    partitions = [TopicPartition(pair.events_topic, number) for number in range(pair.plan.partitions)]
    admin = _admin(ground)  # its futures live as long as it does
    future = admin.elect_leaders(ElectionType.PREFERRED, partitions)
    moved = await asyncio.to_thread(future.result, ADMIN_S)
    return any(error is None for error in moved.values())


async def poison(ground: Ground, fault: Fault) -> bool:
    """Of each kind of record that no store can apply one, among the good ones of that time."""
    pair = ground.pair
    partition = ids.partition_of(ids.record_key(BOT_ID, USER), pair.plan.partitions)
    producer = Producer(
        {
            "bootstrap.servers": pair.bootstrap,
            "message.timeout.ms": int(POISON_S * 1000),
            "log_level": 2,
        }
    )
    for cause, key, value in poisons():
        if cause != "wrong_partition" or pair.plan.partitions == 4:
            producer.produce(pair.events_topic, value, key, partition)
            producer.poll(0)
        await asyncio.sleep(fault.duration_s / len(poisons()))
    await asyncio.to_thread(producer.flush, POISON_S + 1)
    return True


def dead_letters(ground: Ground) -> list[DeadLetter]:
    """Every poison that reached the log, as often as it did."""
    causes = {(key, value): cause for cause, key, value in poisons()}
    return [
        DeadLetter(
            record.place.partition,
            record.place.offset,
            causes[record.key, record.value],
            record.key,
            record.value,
        )
        for record in ground.pair.read_log().records
        if (record.key, record.value) in causes
    ]


def wait_in_sync(ground: Ground) -> None:
    """Until every broker has all of the log, so that its end is what everybody sees; raises Trouble."""
    pair, deadline = ground.pair, time.monotonic() + IN_SYNC_S
    topics = (pair.events_topic, pair.raw_topic)
    while not all(_is_in_sync(ground, topic) for topic in topics):
        if time.monotonic() > deadline:
            raise Trouble(f"not in sync after {IN_SYNC_S:g} s: {topics}")
        time.sleep(0.2)


def _is_in_sync(ground: Ground, topic: str) -> bool:
    try:
        found = _admin(ground).list_topics(topic, timeout=10).topics[topic]
    except KafkaException:
        return False
    return found.error is None and _are_full(found.partitions.values(), ground.shape.brokers)


def _are_full(partitions: Iterable, brokers: int) -> bool:
    return all(each.leader >= 0 and len(each.isrs) == brokers for each in partitions)


def _admin(ground: Ground) -> AdminClient:
    return AdminClient({"bootstrap.servers": ground.pair.bootstrap, "log_level": 2})


ACTS = {"stop": stop, "kill": kill, "terminate": terminate}
ACTS_OF_LOG = {"poison": poison, "elect leaders": elect_leaders}
