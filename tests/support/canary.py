"""What no other program would say: the token, the secrets, the name and the text that the tests' traffic is made of.

tests/support/canaries.py searches for them in everything that comes out of the services.
"""

from __future__ import annotations

BOT_ID = 123456789
TOKEN = f"{BOT_ID}:AAcanaryTokenCanaryTokenCanaryToken0"
SECRET = "canary-secret_0123456789abcdefghijklmnopqrs"
SECRET_BEFORE = "canary-secret-before_0123456789abcdefghijkl"
RPC_TOKEN = "canary-rpc-token_0123456789abcdefghijklmnopqr"
NAME = "CanaryName77aa"
TEXT = "CanaryText5f1e"
