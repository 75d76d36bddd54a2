"""The console page as a person uses it: within Airflow's own page from 3.1 on, by itself on 2.11."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from local_airflow import PASSWORD, USER, LocalAirflow

PATH = "/ovhcloud-ai"

#: Cookies of a session by server: logging in takes some seconds each time.
_SESSIONS: dict[str, list[Any]] = {}


class ConsolePage:
    """
    :param page: of Chromium
    :param airflow: a running one
    """

    def __init__(self, page: Any, airflow: LocalAirflow) -> None:
        self.page = page
        self.url = airflow.url
        self.release = airflow.release
        self.framed = airflow.release >= (3, 1)
        #: What the browser complained about; the page's own doing, as nothing else is looked at.
        self.complaints: list[str] = []
        page.on("console", self._hear)
        if self.url not in _SESSIONS:
            self._log_in(f"{self.url}/auth/login" if airflow.release >= (3,) else f"{self.url}/login/")
        if airflow.release == (3, 0):
            # It moves its session out of the cookie, into the storage of this browser.
            page.wait_for_function("localStorage.getItem('token')")
        else:
            _SESSIONS.setdefault(self.url, page.context.cookies())
            page.context.add_cookies(_SESSIONS[self.url])

    def _log_in(self, address: str) -> None:
        self.page.goto(address)
        self.page.locator("[name=username]").fill(USER)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda reached: "login" not in reached)

    def _hear(self, message: Any) -> None:
        # A refusal is shown by the page; that Chromium notes its status is no complaint.
        own = PATH in message.location.get("url", "") and "Failed to load resource" not in message.text
        if message.type == "error" and own:
            self.complaints.append(message.text)

    @property
    def content(self) -> Any:
        """Where the page's own elements are."""
        return self.page.frame_locator("iframe") if self.framed else self.page

    def from_the_menu(self) -> None:
        if self.release == (3, 0):
            self.overview()  # it has no menu for pages of plugins
            return
        self.page.goto(self.url)
        if self.framed:
            self.page.get_by_role("button", name="Browse").click()
            self.page.get_by_text("OVHcloud AI Endpoints").click()
        else:
            self.page.get_by_role("link", name="Browse").hover()
            self.page.get_by_role("link", name="OVHcloud AI Endpoints").click()
        self.heading("Connections").wait_for()

    def overview(self) -> None:
        self.page.goto(f"{self.url}/plugin{PATH}" if self.framed else f"{self.url}{PATH}/")
        self.heading("Connections").wait_for()

    def open(self, connection_id: str) -> None:
        """Open a connection by its id, as whoever knows it does."""
        self.overview()
        self.content.get_by_label("Open a connection by its id").fill(connection_id)
        self.button("Open").click()

    def open_alone(self, connection_id: str, query: str = "") -> None:
        """Open a connection's page outside of Airflow's."""
        self.framed = False
        self.page.goto(f"{self.url}{PATH}/connection?id={quote(connection_id, safe='')}{query}")
        self.heading(connection_id).wait_for()

    def heading(self, name: str) -> Any:
        return self.content.get_by_role("heading", name=name, exact=True)

    def button(self, name: str) -> Any:
        return self.content.get_by_role("button", name=name, exact=True)

    def row(self, text: str) -> Any:
        return self.content.get_by_role("row").filter(has=self.content.get_by_text(text, exact=True))

    def test(self) -> tuple[str, dict[str, str]]:
        """Press Test, and read the verdict and the state of each step."""
        with self.page.expect_response("**/api/test"):
            self.button("Test").click()
        # From the click on until the answer is shown, it says that a test is running.
        verdict = self.content.locator(".verdict:not(.is-running)")
        verdict.wait_for()
        rungs = self.content.locator(".ladder li").all()
        states = {rung.locator(".name").inner_text(): rung.locator(".state").inner_text().strip() for rung in rungs}
        heading = " ".join(verdict.get_by_role("heading").inner_text().split())
        return heading.replace(" :", ":"), states

    def list_models(self) -> None:
        with self.page.expect_response("**/api/models"):
            self.button("List models").click()
        self.content.get_by_label("Search").wait_for()

    def list_batches(self) -> list[list[str]]:
        """Press List batches, and read the rows, cell by cell."""
        with self.page.expect_response("**/api/batches"):
            self.button("List batches").click()
        section = self.content.get_by_role("region", name="Batches")
        section.get_by_text("listed").wait_for()
        rows = section.locator("tbody tr").all()
        return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]

    def models(self) -> list[str]:
        """Ids of the models shown, from the top."""
        return [cell.inner_text().split("\n")[0].split(" ")[0] for cell in self._ids()]

    def _ids(self) -> list[Any]:
        return self.content.locator("table.models tbody th").all()
