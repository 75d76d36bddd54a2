from __future__ import annotations

from apache_airflow_provider_ovhcloud_ai.client.settings import ClientSettings
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings
from support import canary


def test_repr_shows_the_models_but_no_token() -> None:
    text = repr(ConnectionSettings(ClientSettings(token=canary.TOKEN), chat_model="gpt-oss-20b"))
    assert "gpt-oss-20b" in text
    assert not canary.shows(text)
