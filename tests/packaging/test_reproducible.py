"""Whoever builds a release again from its commit gets the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil

import pytest
import release

pytestmark = pytest.mark.package


@pytest.fixture
def elsewhere(tree, tmp_path, monkeypatch):
    """The same files in another folder, of another age, with other permissions, on a machine of other habits."""
    copy = tmp_path / "another place" / "of another name"
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    for number, path in enumerate(sorted(copy.rglob("*"))):
        path.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)  # git keeps what may be run
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = os.umask(0o077)
    yield copy
    os.umask(before)


def test_the_same_files_give_the_same_bytes(dist, elsewhere, epoch, tmp_path):
    again = release.build(elsewhere, tmp_path / "dist", epoch)
    built = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist}
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in again} == built


def test_another_time_gives_other_bytes(dist, tree, epoch, tmp_path):
    later = release.build(tree, tmp_path, epoch + 60)
    assert [path.name for path in later] == [path.name for path in dist]
    assert all(path.read_bytes() != built.read_bytes() for path, built in zip(later, dist, strict=True))
