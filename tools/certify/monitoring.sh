#!/usr/bin/env bash
# promtool, for the stage monitoring alone out of Debian's package of Prometheus, so that no daemon comes with it;
# kustomize, which stage manifests brings; and what the Prometheus Operator says its objects are.
set -euo pipefail
# shellcheck source=tools/certify/lib.sh
. tools/certify/lib.sh

OPERATOR=v0.85.0

candidate() {
  apt-cache policy prometheus | awk '/Candidate:/ && $2 != "(none)" { print $2 }'
}

promtool() {
  local version
  version=$(candidate)
  if [ -z "$version" ]; then
    as_root apt-get update -qq
    version=$(candidate)
  fi
  [ -n "$version" ] || fail "this Debian has no package prometheus"
  [ ! -d "$CERTIFY_CACHE/promtool-$version" ] || return 0
  say "promtool $version"
  workshop
  (cd "$WORKSHOP" && quietly promtool apt-get download -o APT::Sandbox::User=root "prometheus=$version")
  dpkg-deb --extract "$WORKSHOP"/prometheus_*.deb "$WORKSHOP/package"
  mkdir "$WORKSHOP/promtool"
  install "$WORKSHOP/package/usr/bin/promtool" "$WORKSHOP/promtool/promtool"
  keep "$WORKSHOP/promtool" "$CERTIFY_CACHE/promtool-$version"
}

tools/certify/manifests.sh
promtool
go_files prometheus-operator github.com/prometheus-operator/prometheus-operator@$OPERATOR \
  example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml
