"""What lies beside the packages: digests, what is bundled, and signatures of a key that was made for this test."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.containers import packages

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

def test_every_package_is_signed_by_the_key_that_was_given(signer: Path, later: Path, tmp_path: Path) -> None:
    for name in ("SHA256SUMS", packages.deb(later).name):
        subprocess.run(["gpg", "--homedir", signer, "--verify", later / f"{name}.asc", later / name], check=True, capture_output=True)
    public = tmp_path / "public.asc"
    public.write_text(subprocess.run(["gpg", "--homedir", signer, "--armor", "--export"], check=True, capture_output=True, text=True).stdout)
    data_base = ["--define", f"_dbpath {tmp_path}/rpm"]
    subprocess.run(["rpmkeys", *data_base, "--import", public], check=True)
    checked = subprocess.run(["rpmkeys", *data_base, "-Kv", *later.glob("*.rpm")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("Header V4 EdDSA/SHA256 Signature") + checked.stdout.count("Header V4 EdDSA/SHA512 Signature") == 2, checked.stdout


def test_the_digests_are_of_all_that_was_built(later: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=later, check=True)
    named = {line.split("  ")[1] for line in (later / "SHA256SUMS").read_text().splitlines()}
    assert named == {file.name for file in later.iterdir() if file.suffix != ".asc"} - {"SHA256SUMS"}
    assert {Path(name).suffix for name in named} == {".rpm", ".deb", ".whl", ".gz", ".json"}


def test_a_key_that_gpg_has_not_is_told_before_anything_is_built(signer: Path) -> None:
    done = subprocess.run([packages.CHECKOUT / "script/deb", "--sign", "nobody@example.org"], env={"PATH": "/usr/bin:/bin", "GNUPGHOME": str(signer)}, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr == "--sign: gpg has no secret key 'nobody@example.org'; gpg --list-secret-keys shows which it has\n"


def test_the_bill_of_materials_names_what_the_lock_names(later: Path) -> None:
    bill = json.loads(next(later.glob("*.cdx.json")).read_text())
    lock = (packages.CHECKOUT / "packaging/requirements.txt").read_text()
    locked = {line.split(" ")[0].replace("==", "@") for line in lock.splitlines() if "==" in line}
    assert {part["purl"].removeprefix("pkg:pypi/") for part in bill["components"]} == locked
    assert all(part["hashes"][0]["content"] in lock for part in bill["components"])
    assert all(part.get("licenses") for part in bill["components"])
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "1.6", "sshsync")
