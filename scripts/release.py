"""
Dry run of a release: build from what is committed, check the result as an index and as users would, upload nothing.

Builds the source distribution and from it the wheel, in a folder of its own, into dist/. The tests of packaging
then run on those very files: their content, their metadata, each way to install them, the upgrade.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from bootstrap import ENVS, ROOT, registry_environment, uv

DIST = ROOT / "dist"


def run(*command: object, cwd: Path = ROOT, **environment: str) -> None:
    """Run a command that must work."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=cwd, env={**registry_environment(), **environment}, check=False).returncode:
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
        run(uv(), "build", "--quiet", "--out-dir", DIST, cwd=source)
        files = sorted(path for path in DIST.iterdir() if path.suffix in (".whl", ".gz"))
        check_changelog(files[0].name.split("-")[1], source)
        run(ENVS["tools"].path / "bin" / "twine", "check", "--strict", *files)
        run(sys.executable, "-m", "pytest", "tests/packaging", cwd=source, DIST=str(DIST))
    print(f"\nCommit {output('git', 'rev-parse', '--short', 'HEAD')} would be uploaded as:")
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        print(f"  {file.relative_to(ROOT)}  {file.stat().st_size:,} bytes  sha256 {digest}")
    print("Nothing was uploaded.")


if __name__ == "__main__":
    main()
