#!/usr/bin/env python3
"""Fail when an #include goes against the layers below. The table is the architecture."""
import pathlib
import re
import sys

LIBS = ["libs/base", "libs/loop", "libs/wire", "libs/json", "libs/ops"]  # what a service's core stands on

# folder -> (folders or files of ours it may include, outside headers that only it may include)
LAYERS = {
    "libs/base":                 ([], []),
    "libs/loop":                 (["libs/base"], ["event2/"]),
    "libs/http":                 (["libs/base", "libs/loop"], ["event2/"]),
    "libs/ops":                  (["libs/base", "libs/loop", "libs/http"], []),
    "libs/wire":                 (["libs/base"], ["protobuf-c/", ".pb-c.h", "openssl/"]),
    "libs/json":                 (["libs/base"], ["yyjson.h"]),
    "libs/kafka":                (["libs/base", "libs/ops", "libs/wire"],
                                  ["librdkafka/", "openssl/", "yyjson.h"]),
    "libs/rpc":                  (["libs/base", "libs/loop", "libs/ops"],
                                  ["nghttp2/", "event2/", "protobuf-c/", ".pb-c.h", "openssl/"]),
    "services/gateway":          (LIBS, ["yyjson.h"]),
    "services/gateway/kafka":    (LIBS + ["libs/kafka", "services/gateway/*ports.h"], ["librdkafka/"]),
    "services/gateway/telegram": (LIBS + ["libs/http", "services/gateway/*ports.h"],
                                  ["curl/", "openssl/"]),
    "services/gateway/rpc":      (LIBS + ["libs/rpc", "services/gateway"],
                                  ["protobuf-c/", ".pb-c.h"]),
    "services/store":            (LIBS, []),
    "services/store/kafka":      (LIBS + ["libs/kafka", "services/store/*ports.h"], ["librdkafka/"]),
    "services/store/postgres":   (LIBS + ["services/store/*ports.h"], ["libpq-fe.h"]),
    "services/store/page":      (LIBS + ["libs/http", "libs/rpc", "services/store"], []),
    "services/store/rpc":        (LIBS + ["libs/rpc", "services/store"],
                                  ["protobuf-c/", ".pb-c.h"]),
}
WIRING = {"main", "app", "app_admin", "app_dlq", "app_erase", "app_import", "app_ingest", "app_options", "app_page", "app_polling",
          "app_replay", "app_rpc", "app_verify", "commands"}
GUARDED = sorted({h for _, outside in LAYERS.values() for h in outside})
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def layer_of(path):
    return max((layer for layer in LAYERS if path.startswith(layer + "/")), key=len, default=None)


def may_include(header, allowed):
    """A folder allows its own files, not those of folders below; a pattern allows what it names."""
    return layer_of(header) in allowed or any(
        "*" in a and pathlib.PurePath(header).match(a) for a in allowed)


def faults(path):
    mine = layer_of(path)
    allowed, outside = LAYERS[mine]
    wires_all = pathlib.PurePath(path).stem in WIRING  # these alone see their whole service
    for kind, header in INCLUDE.findall(pathlib.Path(path).read_text()):
        if any(h in header for h in GUARDED) and not any(h in header for h in outside):
            yield f"{path}: <{header}> belongs behind another folder"
        elif kind == '"' and (theirs := layer_of(header)) not in (mine, None):
            if not (may_include(header, allowed)
                    or wires_all and (theirs.startswith(mine) or theirs.startswith("libs/"))):
                yield f"{path}: {mine} may not include {header}"
        elif kind == '"' and theirs is None and not header.endswith(".pb-c.h"):
            yield f"{path}: \"{header}\" is not a path from the repository root"


def main():
    files = [str(p) for top in ("libs", "services") for p in pathlib.Path(top).rglob("*.[ch]")]
    found = [f for path in files if layer_of(path) for f in faults(path)]
    found += [f"{p}: not in any layer" for p in files if not layer_of(p)]
    print("\n".join(found) or f"includes: {len(files)} files keep to the layers")
    return bool(found) or not files


sys.exit(main())
