"""
The one sentence that the Test button's toast has room for.
"""

from __future__ import annotations

from .. import defaults
from .connection_test import Report, Step

#: Characters of model names in the sentence; the rest is in the log.
MODELS_SHOWN = 1_500


def sentence(report: Report) -> str:
    """
    Say what a test found, the verdict first: a toast is gone after two seconds.

    :param report: the test
    :return: one line of less than 2,000 characters
    """
    step = report.decisive
    parts = [_verdict(report, step)]
    if step.state != "ok":
        parts += [step.detail, f"To act: {step.who}."]
    parts += [each.detail for each in report.steps if each.state == "ok" and each.detail]
    if report.models:
        parts.append(_access(report))
        parts.append(_names(report.models))
    return " ".join(part for part in parts if part)


def _verdict(report: Report, step: Step) -> str:
    if not report.ok:
        return f"{'Not proven' if step.state == 'unproven' else 'Failed'}: {step.headline}."
    token = next(each for each in report.steps if each.name == "Token accepted")
    models = next(each for each in report.steps if each.name == "Models listed")
    return f"OK: {token.headline}, {models.headline}, {report.milliseconds} ms."


def _access(report: Report) -> str:
    limit = defaults.RATE_LIMIT_TOKEN if report.access == "token" else defaults.RATE_LIMIT_ANONYMOUS
    whose = "for each model of the project" if report.access == "token" else "for each model, without a token"
    return f"AI Endpoints allows {limit} requests a minute {whose}."


def _names(models: tuple[str, ...]) -> str:
    shown: list[str] = []
    room = MODELS_SHOWN
    for name in models:
        room -= len(name) + 2
        if room < 0:
            return f"Models: {', '.join(shown)} and {len(models) - len(shown)} more, in the log."
        shown.append(name)
    return f"Models: {', '.join(shown)}."
