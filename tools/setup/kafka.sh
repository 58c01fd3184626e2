#!/usr/bin/env bash
# Step of set-up: Kafka's jars by Maven, and the archive that makes the broker start fast.
set -euo pipefail
# shellcheck source=tools/setup/lib.sh
. tools/setup/lib.sh

pom=deploy/local/pom.xml
java_version=$(java -version 2>&1)
is_done kafka $pom "$java_version" && exit
say "Kafka into .cache/kafka"
rm -rf "$CACHE/kafka"
mvn -q -B -f $pom org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
  -DincludeScope=runtime -DoutputDirectory="$CACHE/kafka/libs"
deploy/local/servers archive
mark_done kafka $pom "$java_version"
