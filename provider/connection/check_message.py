"""
The message of the Test button's toast.
"""

from __future__ import annotations

from ..redaction import excerpt
from .check_report import Report, Step

#: Limits of the model names and of the whole message; the full list goes to the log.
MAX_MODELS_CHARS = 1_500
MAX_CHARS = 1_999


def compose_message(report: Report) -> str:
    """
    Summarise a test for the toast, the verdict first: the toast disappears after some seconds.

    :param report: of the test
    :return: one line of less than 2,000 characters
    """
    step = report.first_failure
    parts = [_accepted(report)] if step is None else _verdict(report, step)
    parts += [each.detail for each in report.steps if each.state == "ok"] + [_access(report)]
    message = " ".join(part for part in parts if part)
    return excerpt(f"{message} {_models(report, MAX_CHARS - len(message))}", MAX_CHARS)


def internal_error(error: Exception) -> str:
    """
    Report that the test itself failed.

    :param error: the exception; its text may hold secrets, so the message names only its class
    :return: one line
    """
    return (
        f"Failed: unexpected {type(error).__name__} in the test itself. This says nothing about the token: the log of "
        "this process has the details. Where to act: Airflow or this provider."
    )


def _accepted(report: Report) -> str:
    return f"OK: {report.headline}."


def _verdict(report: Report, step: Step) -> list[str]:
    if step.state == "inconclusive":
        verdict = "Token not verified" if report.access == "token" else "Not verified"
    else:
        verdict = "Failed"
    return [f"{verdict}: {step.headline}.", step.detail, f"Where to act: {step.owner}."]


def _access(report: Report) -> str:
    if report.models is None:
        return ""
    verdict = " (accepted)" if not report.ok and report.access_step.state == "ok" else ""
    limits = f", {report.limits}" if report.limits else ""
    return f"Access: {report.access}{verdict}{limits}."


def _models(report: Report, room: int) -> str:
    if report.models is None:
        return ""
    count = len(report.models)
    head = f"{count} model{'' if count == 1 else 's'} in {report.milliseconds} ms"
    names: list[str] = []
    room = min(MAX_MODELS_CHARS, room - len(head) - 40)
    for name in report.models:
        room -= len(name) + 2
        if room < 0:
            break
        names.append(name)
    rest = [f"{count - len(names)} more in the log"] if count > len(names) else []
    return f"{head}: {', '.join(names + rest)}." if count else f"{head}."
