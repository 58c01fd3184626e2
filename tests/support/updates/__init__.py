"""A seeded generator of Telegram updates, shaped as the Bot API serialises them.

The same arguments give the same bytes.
"""

from tests.support.updates.generator import DEFAULT_BOT_ID, generate, hostile

__all__ = ["DEFAULT_BOT_ID", "generate", "hostile"]
