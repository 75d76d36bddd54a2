"""The pages of Airflow's web UI that the tests visit, of both generations."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from local_airflow import PASSWORD, USER

TYPE = "OVHcloud AI Endpoints"
PREFIX = "extra__ovh_ai_endpoints__"


class Ui3:
    """Airflow 3: a form in a dialog, a Test button in each row of the list."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        page.goto(f"{url}/connections")
        page.locator("input[name=username]").fill(USER)
        page.locator("input[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/connections")

    @property
    def form(self) -> Any:
        return self.page.get_by_role("dialog")

    def list(self) -> None:
        self.page.goto(f"{self.url}/connections")

    def add(self, connection_id: str) -> None:
        self.page.get_by_role("button", name="Add Connection").click()
        self.form.get_by_label("Connection ID").fill(connection_id)
        self.form.get_by_role("combobox").click()
        self.page.keyboard.type("ovh")
        self.page.get_by_role("option", name=TYPE, exact=True).click()
        self.standard("host").wait_for()

    def edit(self, connection_id: str) -> None:
        self.row(connection_id).get_by_role("button", name="Edit Connection").click()
        self.standard("host").wait_for()

    def standard(self, name: str) -> Any:
        return self.form.locator(f"input[name={name}]")

    def paste_token(self, text: str) -> None:
        self.standard("password").click()
        self.page.keyboard.insert_text(text)

    def open(self, section: str) -> None:
        """Open a section of the form, which closes the one that is open."""
        self.section(section).click()
        self.page.wait_for_timeout(400)  # until it has unfolded

    def section(self, name: str) -> Any:
        return self.form.get_by_role("button", name=name, exact=True)

    def replace_json(self, text: str) -> None:
        self.open("Extra Fields JSON")
        self.form.locator(".monaco-editor").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        # The editor closes brackets and quotes by itself.
        self.page.keyboard.press("Control+Shift+End")
        self.page.keyboard.press("Delete")

    def field(self, name: str) -> Any:
        return self.form.locator(f"[name=element_{name}]")

    def save(self) -> None:
        self.form.get_by_role("button", name="Save").click()
        self.form.wait_for(state="detached")

    def row(self, connection_id: str) -> Any:
        return self.page.get_by_role("row").filter(has_text=connection_id)

    def test(self, connection_id: str) -> tuple[str, str]:
        """Press Test on a page without older toasts, and read colour and text of its own while it is there."""
        self.list()
        self.row(connection_id).get_by_role("button", name="Test Connection").click()
        toast = self.page.locator("[data-scope=toast][data-part=root]")
        toast.wait_for()
        return toast.get_attribute("data-type"), toast.locator("[data-part=description]").inner_text()

    def task(self, dag: str, run: str, task: str) -> None:
        self.page.goto(f"{self.url}/dags/{dag}/runs/{quote(run)}/tasks/{task}/details")
        self.page.get_by_text("Extra Links").wait_for()

    def links(self) -> dict[str, str]:
        """Name and address of each link that the open task shows."""
        links = self.page.get_by_text("Extra Links").locator("xpath=..").locator("a, button").all()
        return {link.inner_text(): link.get_attribute("href") for link in links}


class Ui2:
    """Airflow 2.11: a page with a form, the Test button in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        page.goto(f"{url}/connection/add")
        page.locator("#username").fill(USER)
        page.locator("#password").fill(PASSWORD)
        page.locator("input[type=submit]").click()
        page.wait_for_url("**/connection/add")

    def add(self, connection_id: str, kind: str = TYPE) -> None:
        self.page.goto(f"{self.url}/connection/add")
        self.page.locator("#conn_id").fill(connection_id)
        self.page.locator("#select2-conn_type-container").click()
        self.page.locator(".select2-search__field").fill(kind)
        self.page.get_by_role("option", name=kind, exact=True).click()

    def edit(self, connection_id: str) -> None:
        self.page.goto(f"{self.url}/connection/list/")
        row = self.page.get_by_role("row").filter(has_text=connection_id)
        row.locator("a[href*='/connection/edit/']").click()
        self.page.locator("#test-connection").wait_for()

    def standard(self, name: str) -> Any:
        return self.page.locator(f"#{name}")

    def field(self, name: str) -> Any:
        return self.page.locator(f"#{PREFIX}{name}")

    def paste_token(self, text: str) -> None:
        self.standard("password").click()
        self.page.keyboard.insert_text(text)

    def save(self) -> None:
        self.page.locator("#model_form button[type=submit]").click()
        self.page.get_by_text("Row").first.wait_for()

    def test(self) -> str:
        """Press Test, and read the box above the form."""
        with self.page.expect_response("**/api/v1/connections/test"):
            self.page.locator("#test-connection").click()
        box = self.page.locator(".alert", has_text=":").first
        box.wait_for()
        return box.inner_text()

    def task(self, dag: str, run: str, task: str) -> None:
        self.page.goto(f"{self.url}/dags/{dag}/grid?dag_run_id={quote(run)}&task_id={task}")
        self.page.get_by_text("Extra Links").wait_for()

    def links(self) -> dict[str, str]:
        """Name and address of each link that the open task shows."""
        links = self.page.get_by_text("Extra Links").locator("xpath=..").locator("a").all()
        return {link.inner_text(): link.get_attribute("href") for link in links}
