"""
Extra links of a task: the model's card, the playground with it, the project's usage, the connection's own page.

An operator pushes the addresses as XComs as soon as it knows its model, so that a running or failed task has them;
``get_link`` only reads them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from .. import defaults
from ..compat import BaseOperatorLink, XCom, airflow_version, conf
from ..defaults import is_ovhcloud

if TYPE_CHECKING:
    from ..compat import BaseOperator

#: Catalogue page of a model whose page is not named as the model. Source: public catalogue, 2026-08-03; a model
#: that is missing here leads to the list of all models.
CATALOGUE_SLUGS = {
    "gpt-oss-120b": "gpt-oss-120b",
    "gpt-oss-20b": "gpt-oss-20b",
    "Qwen3.8-27B": "qwen-3-8-27b",
    "Qwen3.6-27B": "qwen-3-6-27b",
    "Qwen3.5-397B-A17B": "qwen-3-5-397b",
    "Qwen3.5-9B": "qwen-3-5-9b",
    "Qwen2.5-VL-72B-Instruct": "qwen-2-5-vl-72b-instruct",
    "Meta-Llama-3_3-70B-Instruct": "llama-3-3-70b-instruct",
    "Qwen3Guard-Gen-8B": "qwen-guard-gen-8b",
    "Qwen3Guard-Gen-0.6B": "qwen-guard-gen-06b",
    "Qwen3-Embedding-8B": "qwen3-embedding-8b",
    "bge-m3": "bge-m3",
    "BGE-M3": "bge-m3",
    "bge-multilingual-gemma2": "bge-multilingual-gemma2",
    "whisper-large-v3": "whisper-large-v3",
    "whisper-large-v3-turbo": "whisper-large-v3-turbo",
    "stable-diffusion-xl-base-v10": "stable-diffusion-xl",
}


class _PushedLink(BaseOperatorLink):
    """
    A link whose address the operator pushes as an XCom.
    """

    #: Where Airflow 3 looks for the address; one for each class.
    xcom_key: str = ""

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """
        Read the address.

        :param operator: the operator that shows the link
        :param ti_key: the task instance
        :return: the address that the operator pushed, or an empty string, which hides the link
        """
        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""


class ModelCardLink(_PushedLink):
    """
    The model's page in OVHcloud's catalogue: capabilities, limits and price.

    Safe to use from several threads: nothing changes it.
    """

    name = "Model card"
    xcom_key = "_link_ModelCardLink"


class PlaygroundLink(_PushedLink):
    """
    The playground, with the model chosen.

    Safe to use from several threads: nothing changes it.
    """

    name = "Playground"
    xcom_key = "_link_PlaygroundLink"


class UsageLink(_PushedLink):
    """
    The project's usage in the OVHcloud Control Panel.

    Safe to use from several threads: nothing changes it.
    """

    name = "Usage"
    xcom_key = "_link_UsageLink"


class ConsoleLink(_PushedLink):
    """
    The connection's page in the console: its last test and its models.

    Safe to use from several threads: nothing changes it.
    """

    name = "AI Endpoints console"
    xcom_key = "_link_ConsoleLink"


LINKS = (ModelCardLink(), PlaygroundLink(), UsageLink(), ConsoleLink())


def urls(model: str, base_url: str, project_id: str | None) -> dict[str, str]:
    """
    Build the URLs of a task's links.

    :param model: model id
    :param base_url: base URL of the connection
    :param project_id: OVHcloud Public Cloud project of the connection, or None; any value means that the base URL
        leads to OVHcloud, even through a gateway
    :return: URL of each link by its XCom key; empty if the service isn't OVHcloud's
    """
    host = urlsplit(base_url).hostname or ""
    if not project_id and not is_ovhcloud(host):
        return {}
    slug = CATALOGUE_SLUGS.get(model)
    card = f"{defaults.CATALOGUE_URL}{slug}/" if slug else defaults.CATALOGUE_URL
    virtual = "@" in model or "?" in model
    playground = defaults.PLAYGROUND_URL + ("" if virtual else quote(model, safe=""))
    return {
        ModelCardLink.xcom_key: card,
        PlaygroundLink.xcom_key: playground,
        UsageLink.xcom_key: _usage(host, project_id),
    }


def console_url(conn_id: str) -> str:
    """
    Build the address of a connection's page in this Airflow.

    :param conn_id: connection id
    :return: an address without scheme and host
    """
    release = tuple(int(part) for part in re.findall(r"\d+", airflow_version())[:3])
    section = "api" if release >= (3,) else "webserver"
    base = urlsplit(conf.get(section, "base_url", fallback="") or "").path.rstrip("/")
    # From 3.3.2 on Airflow shows a page within its own navigation: what follows the plugin's name is the page's whole
    # path, with the one that Airflow is served at once more.
    frame = f"{base}/plugin{defaults.CONSOLE_PATH}" if release >= (3, 3, 2) else ""
    return f"{frame}{base}{defaults.CONSOLE_PATH}/connection?id={quote(conn_id, safe='')}"


def _usage(host: str, project_id: str | None) -> str:
    region = "ca" if "ca" in host.split(".") else "eu"
    projects = f"https://manager.{region}.ovhcloud.com/#/public-cloud/pci/projects"
    return f"{projects}/{quote(project_id, safe='')}/ai/endpoints/metrics" if project_id else projects
