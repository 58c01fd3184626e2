"""Tests of everything that ./dev builds."""

import os

# gRPC's handlers of fork() crash the children of a process that has calls under way, before they become the program
# that was to be started. It reads this when it is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
