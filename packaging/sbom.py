"""What the packages bundle, as CycloneDX.

Usage: sbom.py VERSION REQUIREMENTS WHEEL... prints it. The lock names what has to be there; each wheel says its licence and has a digest.
"""

import hashlib
import json
import re
import sys
import uuid
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

NAMESPACE = uuid.UUID("5f0c5e0f-6a54-5f0e-9d0b-3b5b8a0e9c11")


def locked(requirements: str) -> dict[str, tuple[str, set[str]]]:
    """Return version and allowed digests of each name of a lock."""
    found: dict[str, tuple[str, set[str]]] = {}
    for block in re.split(r"\n(?=\S)", requirements.strip()):
        named = re.match(r"([A-Za-z0-9._-]+)==(\S+)", block)
        if named:
            found[canonical(named[1])] = (named[2], set(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
    return found


def canonical(name: str) -> str:
    """Return a name as package indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def component(wheel: Path) -> dict[str, object]:
    """Describe a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        entry = next(name for name in opened.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        said = HeaderParser().parsestr(opened.read(entry).decode())
    name, version = canonical(str(said["Name"])), str(said["Version"])
    purl = f"pkg:pypi/{name}@{version}"
    described: dict[str, object] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    licence = licence_of(said)
    if licence:
        described["licenses"] = [licence]
    described["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    return described


def licence_of(said: Message) -> dict[str, object] | None:
    """Return the expression of a wheel's metadata, else what it calls its licence."""
    expression = said["License-Expression"]
    if expression:
        return {"expression": str(expression)}
    classified = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License ::")]
    short = str(said["License"] or "").strip()
    name = short if short and "\n" not in short else ", ".join(classified)
    return {"license": {"name": name}} if name else None


def bill(version: str, requirements: str, wheels: list[Path]) -> dict[str, object]:
    """Return the bill; the same parts give the same one.

    Raises:
        ValueError: a wheel that the lock does not name, or not with this digest.
    """
    lock = locked(requirements)
    ours: dict[str, object] = {}
    bundled = []
    for part in sorted(map(component, wheels), key=lambda part: str(part["name"])):
        if part["name"] == "sshsync":
            ours = {**part, "type": "application"}
            continue
        wanted, digests = lock.get(str(part["name"]), ("", set()))
        if part["version"] != wanted or part["hashes"][0]["content"] not in digests:  # type: ignore[index]
            raise ValueError(f"{part['name']} {part['version']} is not what packaging/requirements.txt locks: run script/rpm lock")
        bundled.append(part)
    if ours.get("version") != version:
        raise ValueError(f"there is no wheel of sshsync {version}")
    content = json.dumps([ours, bundled], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}",
        "version": 1,
        "metadata": {"component": ours},
        "components": bundled,
        "dependencies": [{"ref": ours["bom-ref"], "dependsOn": [part["bom-ref"] for part in bundled]}],
    }


def main(version: str, requirements: str, *wheels: str) -> None:
    """Print the bill."""
    try:
        made = bill(version, Path(requirements).read_text(), [Path(wheel) for wheel in wheels])
    except ValueError as error:
        sys.exit(f"sbom.py: {error}")
    sys.stdout.write(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
