#!/usr/bin/env bash
# Tools of stage manifests: kustomize, which renders deploy/k8s, and kube-score, which judges what comes out.
set -euo pipefail
# shellcheck source=tools/certify/lib.sh
. tools/certify/lib.sh

go_program kustomize sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
go_program kube-score github.com/zegl/kube-score/cmd/kube-score@v1.20.0
