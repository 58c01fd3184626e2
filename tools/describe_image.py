#!/usr/bin/env python3
"""describe_image.py ARCHIVE SBOM: prints what an OCI archive of ours is and holds, and writes its SBOM.

The SBOM is CycloneDX 1.5: our program and the Debian packages that the image itself names in
/var/lib/dpkg/status.d, as scanners read them. The same image gives the same SBOM.
"""
import email
import gzip
import io
import json
import pathlib
import sys
import tarfile
import urllib.parse
import uuid

STATUS = "var/lib/dpkg/status.d/"


class Image:
    """What stands in an archive of one image with one layer."""

    def __init__(self, archive):
        with tarfile.open(archive) as tar:
            read = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}

        def blob(digest):
            return read["blobs/" + digest.replace(":", "/")]

        self.digest = json.loads(read["index.json"])["manifests"][0]["digest"]
        manifest = json.loads(blob(self.digest))
        self.id = manifest["config"]["digest"]
        self.config = json.loads(blob(self.id))
        (layer,) = manifest["layers"]
        self.compressed = layer["size"]
        self.sizes, self.files = {}, {}
        self._read_layer(gzip.decompress(blob(layer["digest"])))

    def _read_layer(self, layer):
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                if member.isfile():
                    self.sizes[member.name] = member.size
                    if member.name.startswith(STATUS) or member.name == "usr/lib/os-release":
                        self.files[member.name] = tar.extractfile(member).read().decode()

    @property
    def labels(self):
        """Without the prefix that all have."""
        return {name.rpartition(".")[2]: value for name, value in self.config["config"]["Labels"].items()}

    def packages(self):
        """[(stanza of dpkg's status, size of what is there of it)]"""
        return [(email.message_from_string(text), self._size_of(name))
                for name, text in sorted(self.files.items())
                if name.startswith(STATUS) and not name.endswith(".md5sums")]

    def _size_of(self, status):
        paths = [line.split("  ", 1)[1] for line in self.files[status + ".md5sums"].splitlines()]
        return sum(self.sizes[path] for path in paths)

    def release(self):
        lines = self.files["usr/lib/os-release"].splitlines()
        return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def debian_component(package, distribution):
    """The source package, by which Debian tells its security fixes, is `upstream`."""
    version = urllib.parse.quote(package["Version"], safe=":")
    purl = f"pkg:deb/debian/{package['Package']}@{version}?arch={package['Architecture']}&distro={distribution}"
    if "Source" in package:
        source, _, source_version = package["Source"].partition(" ")
        upstream = f"{source}@{source_version.strip('()')}" if source_version else source
        purl += f"&upstream={urllib.parse.quote(upstream, safe=':')}"
    return {"type": "library", "bom-ref": purl, "name": package["Package"], "version": package["Version"],
            "purl": purl, "supplier": {"name": package["Maintainer"]}}


def sbom(image):
    labels, release = image.labels, image.release()
    distribution = f"debian-{release['VERSION_ID']}"
    program = {"type": "application", "name": labels["title"], "version": labels["version"],
               "description": labels["description"], "licenses": [{"license": {"id": labels["licenses"]}}],
               "bom-ref": labels["title"]}
    libraries = [debian_component(package, distribution) for package, _ in image.packages()]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, image.digest).urn,
            "metadata": {"timestamp": labels["created"],
                         "component": {"type": "container", "name": labels["title"], "version": image.digest,
                                       "bom-ref": image.digest}},
            "components": [program, *libraries],
            "dependencies": [{"ref": image.digest, "dependsOn": [program["bom-ref"]]},
                             {"ref": program["bom-ref"], "dependsOn": [c["bom-ref"] for c in libraries]}]}


def report(image):
    labels = image.labels
    rows = [(size, f"{package['Package']} {package['Version']}") for package, size in image.packages()]
    program = f"usr/bin/{labels['title']}"
    rows.append((image.sizes[program], f"{program} {labels['version']}"))
    rows.append((sum(image.sizes.values()) - sum(size for size, _ in rows),
                 "certificate authorities, licences of the packages, what tells scanners their versions"))
    print(f"id      {image.id}\ndigest  {image.digest}")
    print(f"size    {image.compressed / 1e6:.1f} MB compressed, {sum(image.sizes.values()) / 1e6:.1f} MB unpacked")
    for size, what in sorted(rows, reverse=True):
        print(f"{size:11,}  {what}")


def main():
    archive, out = sys.argv[1:]
    image = Image(archive)
    pathlib.Path(out).write_text(json.dumps(sbom(image), indent=1) + "\n")
    report(image)


if __name__ == "__main__":
    main()
