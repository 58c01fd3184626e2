"""The independent oracle: from the JSON that was delivered and the publish log to the rows and answers there must be.

It shares nothing with the services: translation, event ids and the store's rules are written here a second time, from
the contract. From Kafka it takes only where each event's first record stands, and checks the rest of the record.

    verdict = compare(Sources(...), telegram.ledger.entries, bot.log.records)
    assert verdict.is_green, verdict.report()
"""

from tests.support.oracle.check_rows import DeadLetter
from tests.support.oracle.oracle import Sources, Stopped, Verdict, compare

__all__ = ["DeadLetter", "Sources", "Stopped", "Verdict", "compare"]
