"""Planted bugs of the statistics (services/store/faults.c), and what shows each of them."""

from __future__ import annotations

BUGS: dict[str, tuple[str, ...]] = {
    "store.last_fact_stays": ("buckets: .*", "answer: GetBotStats by (rows|model|scan)"),
    "store.border_belongs_before": ("buckets: .*", "answer: GetBotStats by (rows|model|scan)"),
    "store.unknown_time_counts": ("buckets: unexpected row", "answer: GetBotStats by (rows|model|scan)"),
    "store.old_lang_stays": ("langs: .*", "answer: GetOtherStats by (rows|model|scan)"),
    "store.tie_enters_no_top": ("top_users: (missing|unexpected) row",),
    "store.window_takes_its_edge": ("answer: GetBotStats by (rows|model|scan)",),
    "store.moved_counts_twice": ("answer: GetBotStats by (rows|model|scan)",),
}
"""Kinds of difference, as regular expressions, that histories must bring to light."""
