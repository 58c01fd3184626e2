"""Faults, slow ones. They start servers under load: gRPC's handling of forks would abort the process that does."""

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
