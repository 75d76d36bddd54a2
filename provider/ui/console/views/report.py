"""
The report of a connection test as JSON for the page, with the next steps and a diagnosis to paste into a ticket. Pure.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from ....connection.check_report import Report
from ....connection.settings import ConnectionSettings
from ....redaction import without_userinfo

TOKEN_VARIABLE = "OVH_AI_ENDPOINTS_ACCESS_TOKEN"  # noqa: S105  (the name of a variable, not a token)


@dataclass(frozen=True)
class Origin:
    """
    The process that ran a test: other machines may have another network and another proxy.

    :param process: such as ``the API server``
    :param host: name of the machine
    :param versions: of the provider, Airflow and Python
    """

    process: str
    host: str
    versions: str


def as_data(
    report: Report, settings: ConnectionSettings | None, conn_id: str, origin: Origin, at: str
) -> dict[str, Any]:
    """
    Convert a report to JSON for the page.

    :param report: of the test
    :param settings: of the connection, None if they are invalid
    :param conn_id: connection id
    :param origin: the process that ran the test
    :param at: time of the test, in ISO 8601, UTC
    :return: fields of the page's JSON, without any secret
    """
    ran = _ran(settings, origin)
    return {
        "state": report.state,
        "message": report.headline,
        "access": report.access,
        "limits": report.limits,
        "milliseconds": report.milliseconds,
        "wait": report.wait,
        "ran": ran,
        "steps": [asdict(step) for step in report.steps],
        "next": _next(report),
        "diagnosis": _diagnosis(report, settings, conn_id, ran, origin, at),
        "curl": _curl(settings) if settings else "",
    }


def _ran(settings: ConnectionSettings | None, origin: Origin) -> str:
    proxy = settings and settings.client.proxy
    way = f"through the proxy {urlsplit(without_userinfo(proxy)).netloc}" if proxy else "without a proxy"
    return f"from {origin.process} on {origin.host}, {way}"


def _next(report: Report) -> str:
    if not report.ok:
        return ""
    return "Next: choose a model below, try a prompt, or copy a DAG that uses this connection."


def _diagnosis(
    report: Report, settings: ConnectionSettings | None, conn_id: str, ran: str, origin: Origin, at: str
) -> str:
    lines = [
        f"Connection   {conn_id}",
        f"Base URL     {settings.client.base_url if settings else '-'}",
        f"Access       {settings.access if settings else '-'}",
        f"Tested       {at} {ran}",
        f"Versions     {origin.versions}",
        f"Verdict      {report.state}: {report.headline}",
        "",
    ]
    for step in report.steps:
        duration = f"{step.milliseconds} ms" if step.state != "not run" else ""
        lines.append(f"{step.state:<9} {duration:>8}  {step.name}{': ' if step.headline else ''}{step.headline}")
        lines += [f"{'':<21}{step.detail}"] if step.detail else []
    return "\n".join(lines)


def _curl(settings: ConnectionSettings) -> str:
    token = f' -H "Authorization: Bearer ${TOKEN_VARIABLE}"' if settings.access == "token" else ""
    return f"curl -sS -i --max-time 10{token} {shlex.quote(settings.client.base_url + '/models')}"
