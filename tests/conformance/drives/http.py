"""Requests by hand: the sandbox's real host names through its proxy and TLS, with tokens from its own token endpoint."""

from __future__ import annotations

import time
from typing import Any

import requests

from tests.conformance.tapped import Tapped

ARM = "https://management.azure.com"
STORAGE = "https://storage.azure.com"


class Caller:
    """The sandbox's service principal with a plain HTTP client."""

    def __init__(self, sandbox: Tapped) -> None:
        self.facts = sandbox.connection
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies = {"https": self.facts.proxy}
        self._session.verify = str(self.facts.ca_file)
        self._tokens: dict[str, str] = {}

    def send(self, method: str, url: str, **more: Any) -> requests.Response:
        """One request to any host of the sandbox."""
        return self._session.request(method, url, timeout=60, allow_redirects=False, **more)

    def token(self, audience: str) -> str:
        """A bearer token by client secret, asked for once."""
        if audience not in self._tokens:
            form = {
                "grant_type": "client_credentials",
                "client_id": self.facts.client_id,
                "client_secret": self.facts.client_secret,
                "scope": f"{audience}/.default",
            }
            answer = self.send(
                "POST", f"https://login.microsoftonline.com/{self.facts.tenant}/oauth2/v2.0/token", data=form
            )
            self._tokens[audience] = str(answer.json()["access_token"])
        return self._tokens[audience]

    def arm(self, method: str, path: str, version: str, body: Any = None, **headers: str) -> requests.Response:
        """One ARM request; a whole URL, as `Location` has it, may stand for the path."""
        url = path if path.startswith("https://") else ARM + path
        if "api-version=" not in url and version:
            url += ("&" if "?" in url else "?") + f"api-version={version}"
        sent = {"Authorization": f"Bearer {self.token(ARM)}", **headers}
        # What is no JSON yet is sent as it is.
        content = (
            {"data": body, "headers": {**sent, "Content-Type": "application/json"}}
            if isinstance(body, str)
            else {"json": body, "headers": sent}
        )
        return self.send(method, url, **content)

    def until(
        self, address: str, busy: frozenset[str] = frozenset({"Updating", "InProgress"}), seconds: float = 60
    ) -> requests.Response:
        """Poll an operation until it ends."""
        end = time.monotonic() + seconds
        while True:
            answer = self.arm("GET", address, "")
            state = answer.json().get("status") if answer.status_code == 200 and answer.content else None
            if answer.status_code != 202 and state not in busy:
                return answer
            if time.monotonic() > end:
                raise RuntimeError(f"the operation at {address} does not end: {answer.text}")
            time.sleep(0.05)

    @property
    def subscription(self) -> str:
        """The id of the subscription."""
        return f"/subscriptions/{self.facts.subscription}"

    @property
    def group(self) -> str:
        """The id of the resource group in which the service principal may do everything."""
        return f"{self.subscription}/resourceGroups/{self.facts.resource_group}"

    @property
    def workspace(self) -> str:
        """The id of the workspace."""
        return f"{self.group}/providers/Microsoft.MachineLearningServices/workspaces/{self.facts.workspace}"
