"""What `make lint` says of vulnerabilities and licences, with pip-audit and pip-licenses themselves."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bootstrap
import pytest
import supply_chain

pytestmark = pytest.mark.package


@pytest.fixture(scope="module", autouse=True)
def tools():
    """Where release.py runs the tests, there are no tools yet."""
    bootstrap.prepare("tools")


@contextmanager
def vulnerability_service(vulnerabilities):
    """A service of OSV's protocol that knows something of releases: their ``name==version``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            release = f"{query['package']['name']}=={query['version']}"
            one = {"id": "GHSA-test", "summary": "Bad.", "affected": [{"package": query["package"]}]}
            body = json.dumps({"vulns": [one]} if release in vulnerabilities else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


@pytest.fixture
def audit(monkeypatch, capsys):
    """Look up a small tree at a service, and hand back whether it passed, and what was said."""
    trees = {
        "2.11.2-lowest": {"requests": "requests==2.32.4", "flask-appbuilder": "flask-appbuilder==4.5.4"},
        "3.3.2-newest": {
            "requests": "requests==2.34.2",
            "flask-appbuilder": "flask-appbuilder==5.2.2",
            "jinja2": "jinja2==3.1.6",
        },
        "3.3.2-ai": {},
    }
    monkeypatch.setattr(supply_chain, "pins", trees.__getitem__)
    ours = [supply_chain.Requirement(name) for name in ("requests", "flask-appbuilder")]
    monkeypatch.setattr(supply_chain, "direct", lambda: ours)

    def look(*vulnerabilities, url=None):
        monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
        with vulnerability_service(vulnerabilities) as address:
            monkeypatch.setenv("PIP_AUDIT_OSV_URL", url or address)
            return supply_chain.audit(), capsys.readouterr().out

    return look


KNOWN = "requests==2.19.0"


@pytest.mark.parametrize("ours", ["requests==2.34.2", "requests==2.32.4"])
def test_a_vulnerable_direct_dependency_fails(audit, ours):
    passed, output = audit(KNOWN, ours)
    assert not passed
    assert f"{ours.replace('==', ' ')}: GHSA-test, fixed in none" in output.partition("the rest")[0]


def test_what_airflow_chose_is_reported(audit):
    theirs = ["jinja2==3.1.6", "flask-appbuilder==4.5.4"]
    passed, output = audit(KNOWN, *theirs)
    assert passed
    reported = output.partition("the rest")[2]
    assert all(f"{one.replace('==', ' ')}: GHSA-test" in reported for one in theirs)


@pytest.mark.parametrize(("url", "required"), [(None, False), ("http://127.0.0.1:9/", False), (None, True)])
def test_a_service_that_knows_nothing_is_no_clean_bill(audit, monkeypatch, url, required):
    monkeypatch.setenv("AUDIT", "required" if required else "")
    passed, output = audit(url=url)
    assert passed is not required
    assert "NOT LOOKED UP" in output
    assert "none" not in output


@pytest.mark.parametrize(
    ("licence", "is_allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("Apache Software License; MIT License", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("GPL-3.0-only", False),
        ("MIT AND (Apache-2.0 OR LGPL-3.0-only)", False),
        ("GNU General Public License v2 or later (GPLv2+)", False),
        ("UNKNOWN", False),
        ("", False),
    ],
)
def test_licences_are_allowed_by_name(licence, is_allowed):
    assert supply_chain.is_allowed(licence) is is_allowed


@pytest.mark.parametrize(
    ("field", "passes"), [("License-Expression: MIT", True), ("License-Expression: GPL-3.0-only", False), ("", False)]
)
def test_what_comes_with_the_provider_has_an_allowed_licence(field, passes, tmp_path, monkeypatch, capsys):
    plant(tmp_path, supply_chain.NAME, "License-Expression: Apache-2.0\nRequires-Dist: planted")
    plant(tmp_path, "planted", field)
    monkeypatch.syspath_prepend(tmp_path)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert supply_chain.licences() is passes
    wrong = capsys.readouterr().out.partition("Other licences")[0]
    assert ("planted: " in wrong) is not passes


def plant(folder, name, fields):
    """Metadata of a distribution that is not there."""
    home = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{fields}\n", encoding="utf-8")
