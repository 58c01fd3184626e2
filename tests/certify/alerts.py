"""For each alert series with which it fires, and series with which it does not: values a minute in promtool's notation."""

from __future__ import annotations

from typing import NamedTuple

MINUTES = 150
DAY_S = 86_400
NOW_S = MINUTES * 60  # promtool's time begins at 0

Series = dict[str, str]


class Case(NamedTuple):
    """The series and when the alert is asked for: at MINUTES."""

    fires: Series
    quiet: tuple[Series, ...]


def flat(value: float) -> str:
    """The same value all the time."""
    return f"{value:g}+0x{MINUTES}" if value < 1e5 else f"{value:.0f}+0x{MINUTES}"


def growing(step: float, first: float = 0) -> str:
    """More every minute."""
    return f"{first:g}{step:+g}x{MINUTES}"


def late(before: float, after: float, minutes: int) -> str:
    """Another value for the last minutes."""
    return f"{before:g}+0x{MINUTES - minutes} {after:g}+0x{minutes - 1}"


def gauge(series: str, fires: float, quiet: float) -> Case:
    """An alert on one gauge that stays."""
    return Case({series: flat(fires)}, ({series: flat(quiet)},))


def _quantile(name: str, labels: str, below: str, above: str, share: float) -> Series:
    """100 observations a minute, this share of them up to `below`, all up to `above`."""
    return {
        f'{name}{{{labels}le="{below}"}}': growing(share * 100),
        f'{name}{{{labels}le="{above}"}}': growing(100),
        f'{name}{{{labels}le="+Inf"}}': growing(100),
    }


_UP = 'up{job="telefact/telefact",instance="a"}'
_STARTED = 'process_start_time_seconds{job="telefact/telefact",instance="a"}'
_EXPIRY = 'kafka_certificate_expiry_timestamp_seconds{file="ca",certificate="first",instance="a"}'
_HOOK = 'webhook_requests_total{code="%s",instance="a"}'
_LAG = 'consumer_lag_messages{partition="3",instance="%s"}'
_CALLS = 'rpc_requests_total{method="GetUser",code="%s",instance="a"}'

CASES: dict[str, Case] = {
    "TelefactDown": Case(
        {_UP: flat(0)}, ({_UP: flat(1), 'up{job="other",instance="a"}': flat(0)}, {_UP: late(1, 0, 3)})
    ),
    "TelefactNotReady": Case(
        {'service_ready{instance="a"}': flat(0)}, ({'service_ready{instance="a"}': late(1, 0, 5)},)
    ),
    "TelefactRestarting": Case(
        {_STARTED: "1+0x99 2+0x9 3+0x9 4+0x9 5+0x29"}, ({_STARTED: "1+0x99 2+0x9 3+0x49"},)
    ),
    "TelefactFewDescriptors": Case(
        {
            'process_open_fds{job="telefact",instance="a"}': flat(900),
            'process_max_fds{job="telefact",instance="a"}': flat(1000),
        },
        (
            {
                'process_open_fds{job="telefact",instance="a"}': flat(700),
                'process_max_fds{job="telefact",instance="a"}': flat(1000),
            },
            {
                'process_open_fds{job="other",instance="a"}': flat(900),
                'process_max_fds{job="other",instance="a"}': flat(1000),
            },
        ),
    ),
    "TelefactLogLinesDropped": Case(
        {'log_lines_dropped_total{instance="a"}': growing(1)}, ({'log_lines_dropped_total{instance="a"}': flat(5)},)
    ),
    "TelefactKafkaAway": Case(
        {'kafka_brokers_connected{instance="a"}': flat(0)}, ({'kafka_brokers_connected{instance="a"}': late(3, 0, 3)},)
    ),
    "TelefactKafkaRefuses": Case(
        {'refusals_total{where="kafka",code="not_authorized"}': growing(1)},
        ({
            'refusals_total{where="kafka",code="not_authorized"}': flat(7),
            'refusals_total{where="webhook",code="wrong_secret"}': growing(1),
        },),
    ),
    "TelefactCertificateExpires": Case(
        {_EXPIRY: flat(NOW_S + 10 * DAY_S)}, ({_EXPIRY: flat(NOW_S + 20 * DAY_S)}, {_EXPIRY: flat(0)})
    ),
    "TelefactUpdatesStopped": Case(
        {
            'webhook_pending_updates{instance="a"}': growing(5),
            'updates_received_total{source="webhook",type="message",instance="a"}': flat(100),
        },
        (
            {
                'webhook_pending_updates{instance="a"}': growing(5),
                'updates_received_total{source="webhook",type="message",instance="a"}': growing(10),
            },
            {
                'webhook_pending_updates{instance="a"}': flat(0),
                'updates_received_total{source="webhook",type="message",instance="a"}': flat(100),
            },
        ),
    ),
    "TelefactWebhookForeign": gauge('webhook_foreign{instance="a"}', 1, 0),
    "TelefactWebhookErrors": Case(
        {_HOOK % 200: growing(60), _HOOK % 503: growing(6)},
        ({_HOOK % 200: growing(60), _HOOK % 503: growing(1)}, {_HOOK % 200: growing(60), _HOOK % 401: growing(60)}),
    ),
    "TelefactPollerAlarm": gauge('poller_alarm{reason="conflict",instance="a"}', 1, 0),
    "TelefactNobodyPolls": Case(
        {'poller_leading{instance="a"}': flat(0), 'poller_leading{instance="b"}': flat(0)},
        ({'poller_leading{instance="a"}': flat(0), 'poller_leading{instance="b"}': flat(1)},),
    ),
    "TelefactBotApiErrors": Case(
        {'telegram_api_errors_total{code="502",instance="a"}': growing(1)},
        ({'telegram_api_errors_total{code="502",instance="a"}': late(0, 4, 5)},),
    ),
    "TelefactForwardFailures": Case(
        {'webhook_forward_failures_total{instance="a"}': growing(1)},
        ({'webhook_forward_failures_total{instance="a"}': late(0, 2, 5)},),
    ),
    "TelefactDeliveryFailures": Case(
        {'kafka_delivery_failures_total{instance="a"}': growing(1)},
        ({'kafka_delivery_failures_total{instance="a"}': flat(4)},),
    ),
    "TelefactOutboundQueueHigh": gauge('kafka_outbound_queue_messages{instance="a"}', 1500, 900),
    "TelefactTopicsWrong": gauge('topics_wrong{instance="a"}', 1, 0),
    "TelefactLagGrowing": Case(
        {_LAG % "a": growing(100, 2000), _LAG % "b": flat(0)},
        ({_LAG % "a": growing(-100, 90_000)}, {_LAG % "a": growing(1)}, {_LAG % "a": flat(5000)}),
    ),
    "TelefactNobodyIngests": Case(
        {'consumer_partitions_owned{partition="0",instance="a"}': flat(0)},
        ({
            'consumer_partitions_owned{partition="0",instance="a"}': flat(0),
            'consumer_partitions_owned{partition="0",instance="b"}': flat(1),
        },),
    ),
    "TelefactPartitionStopped": gauge('partition_stopped{reason="gap",instance="a"}', 1, 0),
    "TelefactDeadLettersOpen": gauge('dlq_open{cause="malformed",instance="a"}', 2, 0),
    "TelefactDeadLettersExpire": gauge('dlq_oldest_seconds{instance="a"}', 21 * DAY_S, 2 * DAY_S),
    "TelefactDuplicatesJump": Case(
        {
            'duplicates_total{instance="a"}': growing(30),
            'consumer_records_total{partition="0",instance="a"}': growing(100),
        },
        ({
            'duplicates_total{instance="a"}': growing(5),
            'consumer_records_total{partition="0",instance="a"}': growing(100),
        },),
    ),
    "TelefactEndToEndSlow": Case(
        _quantile("end_to_end_seconds_bucket", "", "64.0", "128.0", 0.9),
        (_quantile("end_to_end_seconds_bucket", "", "1.0", "128.0", 0.995),),
    ),
    "TelefactDatabaseUnwell": Case(
        {'apply_retries_total{why="database_unwell",instance="a"}': growing(1)},
        ({
            'apply_retries_total{why="database_unwell",instance="a"}': flat(9),
            'apply_retries_total{why="duplicate",instance="a"}': growing(1),
        },),
    ),
    "TelefactReplayFailed": Case(
        {'rebuild_state{state="failed",instance="a"}': flat(1)},
        ({'rebuild_state{state="failed",instance="a"}': flat(0), 'rebuild_state{state="ready",instance="a"}': flat(1)},),
    ),
    "TelefactCallsFail": Case(
        {_CALLS % "OK": growing(60), _CALLS % "UNAVAILABLE": growing(6)},
        ({_CALLS % "OK": growing(60), _CALLS % "UNAVAILABLE": growing(1), _CALLS % "INVALID_ARGUMENT": growing(60)},),
    ),
    "TelefactCallsSlow": Case(
        _quantile("rpc_duration_seconds_bucket", 'method="GetUser",', "1.024", "2.048", 0.9),
        (
            _quantile("rpc_duration_seconds_bucket", 'method="WatchRebuild",', "1.024", "2.048", 0.9),
            _quantile("rpc_duration_seconds_bucket", 'method="GetUser",', "0.064", "2.048", 0.995),
        ),
    ),
    "TelefactReadsQueue": gauge('pg_pool_waiting_questions{instance="a"}', 150, 50),
}
