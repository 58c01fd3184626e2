"""Planted bugs of the statistics (services/store/faults.c), and what shows each of them."""

from __future__ import annotations

from dataclasses import dataclass

_BOT_STATS = "answer: GetBotStats by (rows|model|scan)"


@dataclass(frozen=True, slots=True)
class Bug:
    """Kinds of difference, as regular expressions, that histories must bring to light.

    first  number of a history that is known to do so; later ones will, too, should it do so no more.
    """

    kinds: tuple[str, ...]
    first: int = 0


BUGS: dict[str, Bug] = {
    "store.last_fact_stays": Bug(("buckets: wrong row", _BOT_STATS), first=4),
    "store.border_belongs_before": Bug(("buckets: .* row", _BOT_STATS), first=7),
    "store.unknown_time_counts": Bug(("buckets: unexpected row", _BOT_STATS)),
    "store.old_lang_stays": Bug(("langs: .* row", "answer: GetOtherStats by (rows|model|scan)"), first=2),
    "store.tie_enters_no_top": Bug(("top_users: (missing|unexpected) row",), first=14),
    "store.window_takes_its_edge": Bug((_BOT_STATS,)),
    "store.moved_counts_twice": Bug((_BOT_STATS,)),
}
