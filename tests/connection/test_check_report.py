from __future__ import annotations

from apache_airflow_provider_ovhcloud_ai.connection.check_report import ACCESS, Report, Step

SETTINGS = Step("ok", "settings read", name="Settings", milliseconds=1)
ACCEPTED = Step("ok", "token accepted", name=ACCESS, milliseconds=20)
LIMITED = Step("inconclusive", "request limit reached", name=ACCESS, milliseconds=5, wait=37.0)


def test_report_without_a_failure_has_the_headline_of_the_access() -> None:
    report = Report((SETTINGS, ACCEPTED, Step("ok", "default models served", name="Default models")), "token")
    assert report.ok
    assert (report.state, report.headline, report.wait) == ("ok", "token accepted", None)
    assert (report.first_failure, report.access_step, report.milliseconds) == (None, ACCEPTED, 21)


def test_first_failure_is_the_verdict() -> None:
    report = Report((SETTINGS, LIMITED, Step(name="Default models")), "token")
    assert not report.ok
    assert report.first_failure is LIMITED
    assert (report.state, report.headline, report.wait) == ("inconclusive", "request limit reached", 37.0)


def test_failure_before_the_access_leaves_that_not_run() -> None:
    report = Report((Step("failed", "the settings cannot work", name="Settings"), Step(name=ACCESS)), "token")
    assert (report.state, report.headline, report.access_step.state) == (
        "failed",
        "the settings cannot work",
        "not run",
    )
