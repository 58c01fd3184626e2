"""What the Python tests, the demo and the benches stand on.

- `tests.support.telegram`: a fake Bot API server that delivers webhooks by the real server's rules.
- `tests.support.updates`: a seeded generator of updates, realistic and hostile.
- `tests.support.bot`: a scripted bot that publishes what follows from acknowledged updates.
- `tests.support.protos`: the generated protobuf and gRPC modules.
- `tests.support.processes`: starts, kills and watches the real binaries.
"""
