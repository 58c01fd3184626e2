"""A real Kafka (KRaft, broker and controller in one process) of one or three nodes on loopback."""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import uuid

from deploy.local import process

CACHE = pathlib.Path(__file__).resolve().parents[2] / ".cache" / "kafka"
ARCHIVE = CACHE / "classes.jsa"  # the loaded classes, shared: a broker starts in half the time
READY_S = 180  # three brokers on a busy machine


class Guard:
    """A second listener whose clients must say who they are and may do what ACLs allow them.

    The plain listener stays, for those who look after the broker: its clients may do everything.
    sasl(passwords)   {user: password}, for PLAIN: librdkafka's SCRAM is refused by Kafka 4 before
                      its version 2.6.1, and Debian 12 has 2.0.2
    tls(own, known)   PEM files: the broker's key and certificate, and the authorities whose clients
                      are let in; a client's name is the CN of its certificate
    """

    def __init__(self, protocol, settings):
        self.protocol = protocol
        self.settings = settings

    @classmethod
    def sasl(cls, passwords):
        users = " ".join(f'user_{user}="{password}"' for user, password in passwords.items())
        return cls("SASL_PLAINTEXT", {
            "sasl.enabled.mechanisms": "PLAIN",
            "plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};",
        })

    @classmethod
    def tls(cls, own, known):
        return cls("SSL", {
            "ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": own,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": known,
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        })

    def add_to(self, settings, node):
        listener = f",GUARDED://127.0.0.1:{node['guarded']}"
        settings["listeners"] += listener
        settings["advertised.listeners"] += listener
        settings["listener.security.protocol.map"] += f",GUARDED:{self.protocol}"
        settings["authorizer.class.name"] = \
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        settings["super.users"] = "User:ANONYMOUS"  # who comes by the other listeners
        for name, value in self.settings.items():
            settings[f"listener.name.guarded.{name}"] = value


class Kafka:
    """`state` is this server's part of the state file; whoever calls saves it."""

    def __init__(self, home, state):
        self.home = pathlib.Path(home)
        self.state = state

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{node['port']}" for node in self.state["nodes"])

    @property
    def guarded(self):
        """Bootstrap servers of the listener that asks who is there; only with a guard."""
        return ",".join(f"127.0.0.1:{node['guarded']}" for node in self.state["nodes"])

    def prepare(self, brokers, guard=None):
        """Choose ports and format the data folders, once. `guard`: see Guard."""
        if self.state.get("nodes"):
            return
        shutil.rmtree(self.home, ignore_errors=True)  # of a start that was interrupted
        ports = process.free_ports(3 * brokers)
        nodes = [{"id": i + 1, "port": ports[3 * i], "controller": ports[3 * i + 1],
                  "guarded": ports[3 * i + 2], "directory": _uuid(), "process": None}
                 for i in range(brokers)]
        for node in nodes:
            self._folder(node).mkdir(parents=True)
        self._write_properties(nodes, guard)
        self._format(nodes)
        self.state["nodes"] = nodes

    def change_guard(self, guard):
        """Another one, from the next start on."""
        self._write_properties(self.state["nodes"], guard)

    def launch(self, node_id=None):
        """Start all nodes that do not run, or one."""
        heap = "-Xmx512m" if len(self.state["nodes"]) == 1 else "-Xmx256m"
        for node in self._chosen(node_id):
            if not process.is_running(node["process"]):
                argv = _java(heap, "kafka.Kafka", str(self._properties(node)))
                node["process"] = process.spawn(argv, self._log(node), self._folder(node))

    def wait_ready(self):
        """Until every node answers, with metadata that holds all of them."""
        if not process.wait_until(self._is_ready, READY_S, interval_s=0.1):
            logs = "".join(process.tail(self._log(node)) for node in self.state["nodes"])
            raise RuntimeError(f"Kafka is not ready after {READY_S} s\n{logs}")

    def end(self, signal_number=signal.SIGTERM, node_id=None):
        """Stop all nodes, or one, at the same time; their data stays."""
        chosen = self._chosen(node_id)
        for node in chosen:
            if process.is_running(node["process"]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(node["process"]["pid"], signal_number)
        for node in chosen:
            process.end(node["process"], signal_number)
            node["process"] = None

    def is_running(self):
        nodes = self.state.get("nodes", [])
        return bool(nodes) and all(process.is_running(node["process"]) for node in nodes)

    def _chosen(self, node_id):
        return [n for n in self.state.get("nodes", []) if node_id in (None, n["id"])]

    def _is_ready(self):
        dead = [n["id"] for n in self.state["nodes"] if not process.is_running(n["process"])]
        if dead:
            logs = "".join(process.tail(self._log(node)) for node in self.state["nodes"])
            raise RuntimeError(f"Kafka node {dead} ended\n{logs}")
        return all(self._knows_all(node) for node in self.state["nodes"])

    def _knows_all(self, node):
        asked = subprocess.run(["kcat", "-b", f"127.0.0.1:{node['port']}", "-L", "-J", "-m", "5"],
                               capture_output=True, check=False)
        return (asked.returncode == 0 and
                len(json.loads(asked.stdout)["brokers"]) == len(self.state["nodes"]))

    def _format(self, nodes):
        cluster = _uuid()
        voters = ",".join(f"{n['id']}@127.0.0.1:{n['controller']}:{n['directory']}" for n in nodes)
        tools = [subprocess.Popen(
            _java("-Xmx128m", "kafka.tools.StorageTool", "format", "-t", cluster,
                  "--initial-controllers", voters, "-c", str(self._properties(node))),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for node in nodes]
        for tool in tools:
            output, _ = tool.communicate()
            if tool.returncode != 0:
                raise RuntimeError("format Kafka's data: " + output.decode(errors="replace"))

    def _write_properties(self, nodes, guard):
        for node in nodes:
            settings = _server_properties(node, nodes, self._folder(node))
            if guard is not None:
                guard.add_to(settings, node)
            self._properties(node).write_text(
                "".join(f"{name}={value}\n" for name, value in settings.items()))

    def _folder(self, node):
        return self.home / f"node{node['id']}"

    def _properties(self, node):
        return self._folder(node) / "server.properties"

    def _log(self, node):
        return self._folder(node) / "kafka.log"


def make_archive(home):
    """Run a broker once and keep its loaded classes for every later start."""
    if ARCHIVE.exists():
        return
    kafka = Kafka(home, {})
    kafka.prepare(brokers=1)
    node = kafka.state["nodes"][0]
    part = ARCHIVE.with_suffix(".part")
    argv = _java(f"-XX:ArchiveClassesAtExit={part}", "kafka.Kafka", str(kafka._properties(node)))
    node["process"] = process.spawn(argv, kafka._log(node), kafka._folder(node))
    try:
        kafka.wait_ready()
    finally:
        process.end(node["process"], timeout_s=60)
    part.rename(ARCHIVE)


def _java(*arguments):
    jars = CACHE / "libs"
    if not jars.is_dir():
        raise RuntimeError("Kafka's jars are not installed: run ./dev setup")
    shared = [f"-XX:SharedArchiveFile={ARCHIVE}", "-Xshare:auto"] if ARCHIVE.exists() else []
    return ["java", *shared, "-Xlog:disable", "-Xlog:all=error:stderr", "-XX:+UseSerialGC",
            "-cp", f"{jars}/*", *arguments]


def _uuid():
    """Kafka's own form of a UUID; a leading dash would read as an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _server_properties(node, nodes, folder):
    copies = len(nodes)
    in_sync = min(2, copies)
    return {
        "process.roles": "broker,controller",
        "node.id": node["id"],
        "listeners": f"PLAINTEXT://127.0.0.1:{node['port']},"
                     f"CONTROLLER://127.0.0.1:{node['controller']}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node['port']},"
                                f"CONTROLLER://127.0.0.1:{node['controller']}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.bootstrap.servers":
            ",".join(f"127.0.0.1:{n['controller']}" for n in nodes),
        "log.dirs": folder / "data",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        # A node killed and started again waits for the end of its former session.
        "broker.session.timeout.ms": 5000,
        "broker.heartbeat.interval.ms": 1000,
        "initial.broker.registration.timeout.ms": 240000,  # a busy machine needs more than 60 s
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 8388608,
        "auto.create.topics.enable": "false",
    }
