from __future__ import annotations

import subprocess
import sys

import pytest
from apache_airflow_provider_ovhcloud_ai.ui.console.plugin import OVHCloudAIEndpointsPlugin as Plugin
from local_airflow import installed_release

pytestmark = pytest.mark.airflow

RELEASE = installed_release()


def test_a_task_pays_for_no_page() -> None:
    package = "apache_airflow_provider_ovhcloud_ai.ui.console"
    code = f"import sys, {package}.plugin; print(sorted(name for name in sys.modules if name.startswith('{package}.')))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == f"['{package}.plugin']"


@pytest.mark.skipif(RELEASE < (3,), reason="Airflow 2 has no FastAPI applications")
def test_the_page_is_served_where_the_menu_leads() -> None:
    (app,) = Plugin.fastapi_apps
    assert app["url_prefix"] == "/ovhcloud-ai"
    links = [view["href"] for view in getattr(Plugin, "external_views", [])]
    # Relative, so that the browser puts a sub-path of Airflow before it.
    assert links == (["ovhcloud-ai/"] if RELEASE >= (3, 1) else [])


@pytest.mark.skipif(RELEASE >= (3,), reason="Airflow 3 has no Flask blueprints")
def test_the_menu_leads_to_the_page_of_airflow_2() -> None:
    (blueprint,) = Plugin().flask_blueprints
    (item,) = Plugin.appbuilder_menu_items
    assert blueprint.url_prefix == "/ovhcloud-ai"
    assert item["href"] == f"{blueprint.name}.overview"
