"""
Look at what an installation of the provider brings along: known vulnerabilities, and licences.

Fails on what this project answers for, and reports the rest of Airflow's tree, whose versions are Airflow's choice:

- vulnerabilities fail in a direct dependency: in its newest version, which users get, and, but for those that Airflow's
  own pins decide about, in its lowest, which pyproject.toml allows;
- licences fail in a direct dependency and in what comes with one and not with Airflow itself, as .venv has it; what
  comes with Airflow's own AI provider is not in there.

A service that cannot be asked, or that knows nothing wrong of a release with a known vulnerability (many a mirror of
the package index), has found nothing out: that is said, and fails where AUDIT=required. pip-audit's own variables
choose another one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from bootstrap import ENVS, NEWEST, RELEASES, ROOT, constraints, parse_pins
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOOLS = ENVS["tools"].path / "bin"
NAME = "airflow-provider-ovhcloud-ai"

#: Has had a known vulnerability since 2018.
KNOWN_BAD = ["requests==2.19.0"]
#: Vulnerability -> why it does not matter here.
ACCEPTED = {
    "CVE-2026-25645": "in requests' extract_zipped_paths(), not called here; Airflow 2.11.2 came with requests 2.32",
    "CVE-2026-25087": "in Arrow's reader of IPC files, not called here; only Parquet is read",
}
#: Whose lowest version the pins of the oldest Airflow decide.
OF_AIRFLOW = {"apache-airflow", "flask-appbuilder", "apache-airflow-providers-common-ai"}

#: Licences that ask for no more than a notice, as metadata and classifiers spell them (the ASF's category A).
ALLOWED = {
    *("Apache-2.0", "Apache Software License"),
    *("BSD-2-Clause", "BSD-3-Clause", "0BSD", "BSD License", "BSD 3-clause", "3-Clause BSD License"),
    *("MIT", "MIT License", "MIT-0", "ISC", "ISC License (ISCL)", "Zlib", "CC0-1.0"),
    *("PSF-2.0", "Python Software Foundation License", "The Unlicense (Unlicense)"),
}


def direct() -> list[Requirement]:
    """What pyproject.toml asks for, with the extras for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + extras["fab"] + extras["common-ai"] + extras["parquet"]
    return [Requirement(line) for line in lines]


def pins(env: str) -> dict[str, str]:
    """``name==version`` by name, as they hold on this machine."""
    lines = [Requirement(line) for one in parse_pins(constraints(ENVS[env])).values() for line in one]
    return {line.name: f"{line.name}{line.specifier}" for line in lines if not line.marker or line.marker.evaluate()}


class Unanswered(Exception):
    """A vulnerability service said nothing that can be relied on."""


def ask(service: str, pins: Iterable[str]) -> list[str]:
    """
    Known vulnerabilities of releases, each as a line.

    :param service: one of pip-audit's
    :param pins: each as ``name==version``
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        how = ["--no-deps", "--disable-pip", "--format", "json", "--desc", "off", "--progress-spinner", "off"]
        command = [TOOLS / "pip-audit", "--requirement", file.name, "--vulnerability-service", service, *how]
        ignored = [word for name in ACCEPTED for word in ("--ignore-vuln", name)]
        done = subprocess.run([*command, *ignored], capture_output=True, text=True, timeout=300, check=False)
    try:
        releases = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise Unanswered(f"{service}: {re.sub('<[^>]*>', '', last)[:200]}") from None
    skipped = [one["skip_reason"] for one in releases if "skip_reason" in one]
    if skipped:
        raise Unanswered(f"{service}: {skipped[0]}")
    return [line for one in releases for line in describe(one)]


def describe(release: dict) -> list[str]:
    """One line for each vulnerability of a release."""
    return [
        f"{release['name']} {release['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'none'}"
        for flaw in release["vulns"]
    ]


def find_service() -> str:
    """The first service that knows what is known."""
    chosen = os.environ.get("PIP_AUDIT_VULNERABILITY_SERVICE")
    reasons = []
    for service in [chosen] if chosen else ["pypi", "osv"]:
        try:
            if ask(service, KNOWN_BAD):
                return service
            reasons.append(f"{service}: it knows of nothing wrong with {KNOWN_BAD[0]}")
        except Unanswered as error:
            reasons.append(str(error))
    raise Unanswered("; ".join(reasons))


def audit() -> bool:
    """Whether no direct dependency has a known vulnerability."""
    ours = {canonicalize_name(one.name) for one in direct()}
    lowest, newest = pins(f"{next(iter(RELEASES))}-lowest"), pins(f"{NEWEST}-newest")
    with_ai = {name: pin for name, pin in pins(f"{NEWEST}-ai").items() if name not in newest}
    newest |= {name: pin for name, pin in with_ai.items() if name in ours}
    try:
        service = find_service()
        direct_faults = ask(service, [newest[name] for name in ours])
        direct_faults += ask(service, [lowest[name] for name in ours - OF_AIRFLOW])
        rest = ask(service, [pin for name, pin in newest.items() if name not in ours])
        rest += ask(service, [lowest[name] for name in ours & OF_AIRFLOW & lowest.keys()])
    except Unanswered as error:
        print(f"Vulnerabilities: NOT LOOKED UP. No service gave an answer:\n  {error}")
        return os.environ.get("AUDIT") != "required"
    say("Known vulnerabilities, direct dependencies", direct_faults)
    say("Known vulnerabilities, the rest of Airflow's tree (reported only)", rest)
    return not direct_faults


def say(heading: str, lines: Iterable[str]) -> None:
    """A list under its heading."""
    print("\n  ".join([f"{heading}: {'' if lines else 'none'}", *sorted(set(lines))]))


def tree(*requirements: str) -> set[str]:
    """Names of all that is installed for requirements."""
    names, visited, todo = set(), set(), [Requirement(one) for one in requirements]
    while todo:
        one = todo.pop()
        if str(one) in visited:
            continue
        visited.add(str(one))
        try:
            below = distribution(one.name).requires or []
        except PackageNotFoundError:
            continue  # for another platform or Python
        names.add(canonicalize_name(one.name))
        extras = one.extras or {""}
        needs = [Requirement(line) for line in below]
        todo += [n for n in needs if not n.marker or any(n.marker.evaluate({"extra": extra}) for extra in extras)]
    return names


def is_allowed(licence: str) -> bool:
    """Whether each licence of an expression, or of a list of classifiers, is among the allowed."""
    parts = re.split(r"; | AND | OR |^\(+|\)+$| \(| WITH ", licence) if licence not in ALLOWED else [licence]
    return bool(licence) and all(part in ALLOWED for part in parts if part)


def licences() -> bool:
    """Whether all licences that come with the provider are allowed ones."""
    airflow, ours = tree("apache-airflow"), tree(f"{NAME}[fab,parquet]")
    ours = ours - airflow | ours & {canonicalize_name(one.name) for one in direct()}
    how = ["--python", sys.executable, "--from", "mixed", "--format", "json", "--with-system"]
    done = subprocess.run([TOOLS / "pip-licenses", *how], capture_output=True, text=True, check=True)
    licenses = {canonicalize_name(one["Name"]): one["License"] for one in json.loads(done.stdout)}
    odd = {
        name: licenses.get(name, "") or "UNKNOWN" for name in airflow | ours if not is_allowed(licenses.get(name, ""))
    }
    wrong = [f"{name}: {odd[name]}" for name in ours & odd.keys()]
    print(f"Licences: {len(ours)} distributions come with the provider, {len(airflow)} with Airflow")
    say("Licences that are not allowed", wrong)
    rest = [f"{name}: {odd[name]}" for name in odd.keys() - ours]
    say("Other licences in Airflow's tree (reported only)", rest)
    return not wrong


if __name__ == "__main__":
    sys.exit(not all([licences(), audit()]))
