"""
What the console page computes: python console_data.py CONNECTIONS MODELS
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)

from airflow.models import Connection  # noqa: E402  (Airflow wants its database first)
from airflow.utils.session import create_session  # noqa: E402  (likewise)
from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings  # noqa: E402  (likewise)
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings  # noqa: E402  (likewise)
from apache_airflow_provider_ovhcloud_ai.ui.console import actions  # noqa: E402  (likewise)
from apache_airflow_provider_ovhcloud_ai.ui.console.views import history, models, report  # noqa: E402  (likewise)

ROUNDS = 9


class Admin:
    """
    A user who may do everything.
    """

    name = "admin"

    def may(self, *_):
        """Yes."""
        return True


def store(count):
    """Store connections, each tested once."""
    with create_session() as session:
        for number in range(count):
            fields = {"conn_type": "ovh_ai_endpoints", "password": f"token-{number}", "extra": '{"chat_model": "m"}'}
            session.add(Connection(conn_id=f"c{number}", **fields))
    for number in range(count):
        history.keep(history.Result(f"c{number}", "ok", "token accepted", "", 9, "0" * 16, None, "2026-01-01", "admin"))


def spent(work):
    """Seconds that work takes, the best of some rounds: anything else that the machine does only adds to it."""
    durations_s = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        durations_s.append(time.perf_counter() - started)
    return min(durations_s)


def main(connections, count):
    """Measure both."""
    store(connections)
    call = actions.Call(Admin(), {}, report.Origin("the API server", "here", ""), "/connections")
    pricing = {"currency_unit": "USD", "prompt": "0.00000009", "completion": "0.00000047"}
    model_list = [{"id": f"model-{number}", "pricing": pricing, "context_length": 8192} for number in range(count)]
    settings = ConnectionSettings(client=ClientSettings(token="a-token-of-some-length"))
    assert len(actions.overview(call)["connections"]) == connections
    seconds = spent(lambda: actions.overview(call)) + spent(lambda: models.rows(model_list, settings, {}))
    print(json.dumps({"milliseconds": seconds * 1000}))


main(*map(int, sys.argv[1:]))
