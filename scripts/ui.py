"""
A real Airflow web UI with the connection, the Test button and the example DAGs in it; Ctrl-C ends it.

Talks to the embedded sandbox, or to the real service when OVH_AI_ENDPOINTS_ACCESS_TOKEN is set.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

from airflow_api import Api
from demo import CONN_ID, ROOT, connection, say
from local_airflow import PASSWORD, USER, LocalAirflow

PORT = 8080  # where Airflow is expected; another one if it is taken


def main() -> int:
    # A shell that starts it in the background lets it ignore Ctrl-C's signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="ovh-ai-ui-") as home,
            connection() as (service, settings),
            LocalAirflow(Path(home), port=PORT, dags=ROOT / "example_dags") as airflow,
        ):
            say(f"Service: {service}")
            start(airflow, settings)
            print(greeting(airflow), flush=True)
            threading.Event().wait()
    except RuntimeError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Ended; nothing is left running.")
    return 0


def start(airflow: LocalAirflow, settings: str) -> None:
    say("Preparing an Airflow database ...")
    airflow.prepare()
    say("Starting Airflow: half a minute, more on a busy machine ...")
    airflow.serve()
    airflow.schedule("triggerer")  # which no example needs, but the home page would show it in red
    fields = json.loads(settings)
    fields["extra"] = json.dumps(fields.get("extra", {}))
    # Without a port the Test button of Airflow 3.3.2 answers Bad Request.
    Api(airflow).save({"connection_id": CONN_ID, "port": 443} | fields)


def greeting(airflow: LocalAirflow) -> str:
    return f"""
    Airflow     {airflow.url}   user {USER}, password {PASSWORD}
    Connection  {airflow.url}/connections   press Test in the row of {CONN_ID}
    DAGs        {airflow.url}/dags   trigger ovh_ai_quickstart, open its task: Details has the extra links

    Press Ctrl-C to end it.
"""


if __name__ == "__main__":
    sys.exit(main())
