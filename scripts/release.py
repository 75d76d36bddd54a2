"""
Dry run of a release: build from what is committed, check the result as an index and as users would, upload nothing.

Builds the source distribution and from it the wheel, in a folder of its own, into dist/. The same commit gives the
same bytes, whoever builds it, when and where. The tests of packaging then run on those very files: their content,
their metadata, a second build, each way to install them, the upgrade.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from bootstrap import ENVS, PINS, ROOT, registry_environment

DIST = ROOT / "dist"
#: What `uv build` builds with: setuptools as it is pinned, whose name and version are in the wheel.
BUILD = [sys.executable, "-m", "uv", "build", "--quiet", "--build-constraints", PINS / "tools.txt"]


def run(*command: object, cwd: Path = ROOT, **environment: str) -> None:
    """Run a command that must work."""
    words = [str(word) for word in command]
    surroundings = {**registry_environment(), **environment}
    if subprocess.run(words, cwd=cwd, env=surroundings, check=False, umask=0o022).returncode:
        sys.exit(f"release: this failed, the reason is above: {' '.join(words)}")


def output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def export(folder: Path) -> Path:
    """Lay out what is committed; a file that only this machine has cannot get in."""
    if output("git", "status", "--porcelain"):
        print("Note: there are changes that are not committed; they are not in what is built.", flush=True)
    archive = folder / "source.tar"
    run("git", "archive", "--output", archive, "HEAD")
    with tarfile.open(archive) as committed:
        committed.extractall(folder / "source", filter="data")
    return folder / "source"


def build(source: Path, into: Path, epoch: int) -> list[Path]:
    """
    Build both distributions so that their bytes depend on nothing but the files, the pins and the time given.

    :param source: folder of the project
    :param into: folder for the result
    :param epoch: when everything in them was last changed: the time of the commit
    :return: the source distribution and the wheel
    """
    run(*BUILD, "--sdist", "--out-dir", into, cwd=source)
    (sdist,) = into.glob("*.tar.gz")
    settle(sdist, epoch)
    run(*BUILD, "--wheel", "--out-dir", into, sdist, SOURCE_DATE_EPOCH=str(epoch))
    (wheel,) = into.glob("*.whl")
    return [sdist, wheel]


def settle(sdist: Path, epoch: int) -> None:
    """Write an archive anew without the builder's name, umask and clock, which setuptools leaves in it."""
    whole = sdist.with_suffix(".whole")
    with (
        tarfile.open(sdist) as built,
        whole.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as settled,
    ):
        for member in sorted(built, key=lambda member: member.name):
            mode = 0o755 if member.mode & 0o100 else 0o644
            plain = member.replace(mode=mode, mtime=epoch, uid=0, gid=0, uname="", gname="")
            plain.pax_headers = {}
            settled.addfile(plain, built.extractfile(member) if member.isfile() else None)
    whole.replace(sdist)


def check_changelog(version: str, source: Path) -> None:
    """What is released, or is to be, must be told."""
    changelog = source / "CHANGELOG.md"
    headings = re.findall(r"^## \[?([\w.]+)", changelog.read_text("utf-8") if changelog.exists() else "", re.MULTILINE)
    if version in headings:
        return
    if "Unreleased" not in headings:
        sys.exit(f"release: CHANGELOG.md has a section neither for {version} nor for what is unreleased.")
    print(f"Note: name the changelog's section 'Unreleased' {version} before the real release.", flush=True)


def main() -> None:
    """Build, check, and say what would be uploaded."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        source = export(Path(folder))
        epoch = output("git", "log", "-1", "--format=%ct")
        files = build(source, DIST, int(epoch))
        check_changelog(files[1].name.split("-")[1], source)
        run(ENVS["tools"].path / "bin" / "twine", "check", "--strict", *files)
        run(sys.executable, "-m", "pytest", "tests/packaging", cwd=source, DIST=str(DIST), SOURCE_DATE_EPOCH=epoch)
    print(f"\nCommit {output('git', 'rev-parse', '--short', 'HEAD')} would be uploaded as:")
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        print(f"  {file.relative_to(ROOT)}  {file.stat().st_size:,} bytes  sha256 {digest}")
    print("Nothing was uploaded.")


if __name__ == "__main__":
    main()
