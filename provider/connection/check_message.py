"""
The one sentence that the Test button's toast has room for.
"""

from __future__ import annotations

from ..redaction import excerpt
from .check_report import Report, Step

#: Characters of model names in the sentence, and of the whole; the full list goes to the log.
MODELS_SHOWN = 1_500
MAX_CHARS = 1_999


def compose_message(report: Report) -> str:
    """
    Say what a test found, the verdict first: a toast is gone after some seconds.

    :param report: the test
    :return: one line of less than 2,000 characters
    """
    step = report.first_failure
    parts = [_accepted(report)] if step is None else _verdict(report, step)
    parts += [each.detail for each in report.steps if each.state == "ok"] + [_access(report)]
    said = " ".join(part for part in parts if part)
    return excerpt(f"{said} {_models(report, MAX_CHARS - len(said))}", MAX_CHARS)


def internal_error(error: Exception) -> str:
    """
    Say that the test itself failed.

    :param error: what was raised; its text may hold anything, so only its kind is named
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
    return [f"{verdict}: {step.headline}.", step.detail, f"Where to act: {step.where}."]


def _access(report: Report) -> str:
    if report.models is None:
        return ""
    known = " (accepted)" if not report.ok and report.access_step.state == "ok" else ""
    limit = f", {report.limit} requests a minute for each model" if report.limit else ""
    return f"Access: {report.access}{known}{limit}."


def _models(report: Report, room: int) -> str:
    if report.models is None:
        return ""
    count = len(report.models)
    head = f"{count} model{'' if count == 1 else 's'} in {report.milliseconds} ms"
    shown: list[str] = []
    room = min(MODELS_SHOWN, room - len(head) - 40)
    for name in report.models:
        room -= len(name) + 2
        if room < 0:
            break
        shown.append(name)
    rest = [f"{count - len(shown)} more in the log"] if count > len(shown) else []
    return f"{head}: {', '.join(shown + rest)}." if count else f"{head}."
