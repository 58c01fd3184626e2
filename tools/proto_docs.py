#!/usr/bin/env python3
"""Write the reference part of docs/rpc.md and docs/events.md from the comments of the protos.

    tools/proto_docs.py          rewrite what stands between the two markers in each page
    tools/proto_docs.py --check  exit 1 when a page is not up to date
"""
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- from the protos: begin -->", "<!-- from the protos: end -->"
PAGES = {
    "docs/rpc.md": ["telefact/store/v1/read_service.proto", "telefact/store/v1/admin_service.proto",
                    "telefact/gateway/v1/publish_service.proto"],
    "docs/events.md": ["telefact/event/v1/event.proto", "telefact/event/v1/raw_update.proto"],
}
FIELD = descriptor_pb2.FieldDescriptorProto
FILE = descriptor_pb2.FileDescriptorProto
SCALARS = {FIELD.TYPE_INT64: "int64", FIELD.TYPE_INT32: "int32", FIELD.TYPE_UINT32: "uint32", FIELD.TYPE_BOOL: "bool",
           FIELD.TYPE_STRING: "string", FIELD.TYPE_BYTES: "bytes"}


def load(names):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", "--include_source_info",
                        f"--descriptor_set_out={out.name}", *names], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes()).file


class Page:
    """Markdown of one proto file; comments are found by the path of what they stand before."""

    def __init__(self, file):
        self.file = file
        self.comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def text(self, *path):
        return " ".join(self.comments.get(path, "").split())

    def cell(self, *path):
        return self.text(*path).replace("|", "\\|")

    def lines(self):
        yield f"## `{self.file.name}`"
        for number, service in enumerate(self.file.service):
            yield from self.service(number, service)
        for number, message in enumerate(self.file.message_type):
            yield from self.message(number, message)
        for number, enum in enumerate(self.file.enum_type):
            yield from self.enum(number, enum)

    def service(self, number, service):
        path = (FILE.SERVICE_FIELD_NUMBER, number)
        yield f"### service `{self.file.package}.{service.name}`"
        yield from self.comments.get(path, "").strip("\n").splitlines()
        yield ""
        yield "| RPC | request → response | what it does |"
        yield "|---|---|---|"
        for index, rpc in enumerate(service.method):
            stream = "stream " if rpc.server_streaming else ""
            shapes = f"{short(rpc.input_type)} → {stream}{short(rpc.output_type)}"
            yield f"| {rpc.name} | {shapes} | {self.cell(*path, 2, index)} |"
        yield ""

    def message(self, number, message):
        path = (FILE.MESSAGE_TYPE_FIELD_NUMBER, number)
        yield f"### `{message.name}`"
        yield self.text(*path)
        yield ""
        if not message.field:
            yield "No fields."
            yield ""
            return
        yield "| no. | field | type | meaning |"
        yield "|---:|---|---|---|"
        for index, field in enumerate(message.field):
            meaning = self.cell(*path, 2, index) or self.meaning_of_presence(path, message, field)
            yield f"| {field.number} | {field.name} | {self.type_of(message, field)} | {meaning} |"
        yield ""

    def meaning_of_presence(self, path, message, field):
        """A oneof of one member stands for that member, comment included."""
        if not field.HasField("oneof_index") or not message.oneof_decl[field.oneof_index].name.endswith("_presence"):
            return ""
        return self.cell(*path, 8, field.oneof_index)

    def type_of(self, message, field):
        name = SCALARS.get(field.type) or short(field.type_name)
        if field.label == FIELD.LABEL_REPEATED:
            name = f"repeated {name}"
        if field.HasField("oneof_index"):
            oneof = message.oneof_decl[field.oneof_index].name
            name += ", may be absent" if oneof.endswith("_presence") else f", one of `{oneof}`"
        return name

    def enum(self, number, enum):
        path = (FILE.ENUM_TYPE_FIELD_NUMBER, number)
        yield f"### enum `{enum.name}`"
        yield self.text(*path)
        yield ""
        yield "| no. | value | meaning |"
        yield "|---:|---|---|"
        for index, value in enumerate(enum.value):
            yield f"| {value.number} | {value.name} | {self.cell(*path, 2, index)} |"
        yield ""


def short(name):
    return name.rpartition(".")[2]


def rendered(page, names):
    text = (ROOT / page).read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    body = "\n".join(line for file in load(names) for line in Page(file).lines())
    return f"{head}{BEGIN}\n{body}\n{END}{tail}"


def main():
    stale = [page for page, names in PAGES.items() if (ROOT / page).read_text() != rendered(page, names)]
    if "--check" in sys.argv[1:]:
        for page in stale:
            print(f"{page}: not what the protos say; run tools/proto_docs.py", file=sys.stderr)
        return bool(stale)
    for page in stale:
        (ROOT / page).write_text(rendered(page, PAGES[page]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
