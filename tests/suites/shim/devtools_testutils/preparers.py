"""Decorators that stand something ready for a test: values of the environment, a resource group of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import requests
from azure.identity import EnvironmentCredential

from devtools_testutils.wrapping import Test, supplied

FakeResource = SimpleNamespace
_ARM = "https://management.azure.com"
_VERSION = "2022-09-01"


class Value(str):
    """A value of the environment; tests read a secret one through `secret`."""

    @property
    def secret(self) -> str:
        """The value."""
        return str(self)

    def __repr__(self) -> str:
        return "<a value of the environment>"


@dataclasses.dataclass
class EnvironmentVariableOptions:
    """Which values are secret; here all are."""

    hide_secrets: list[str] = dataclasses.field(default_factory=list)


class EnvironmentVariableLoader:
    """Hands in values of the environment by their names in small letters. The values given here belong to recordings."""

    def __init__(self, prefix: str, **names: Any) -> None:
        names.pop("options", None)
        self._names = set(names)

    def __call__(self, test: Test) -> Test:
        return supplied(test, self._names, self._supply)

    @contextlib.contextmanager
    def _supply(self, case: Any) -> Iterator[dict[str, Any]]:
        missing = sorted(name.upper() for name in self._names if name.upper() not in os.environ)
        if missing:
            raise KeyError(f"the run sets no {', '.join(missing)}")
        yield {name: Value(os.environ[name.upper()]) for name in self._names}


PowerShellPreparer = EnvironmentVariableLoader


class ResourceGroupPreparer:
    """Hands in a resource group of the test's own, `resource_group`, and its `location`; deletes it afterwards."""

    def __init__(
        self,
        name_prefix: str = "",
        location: str = "westus",
        parameter_name: str = "resource_group",
        parameter_name_for_location: str = "location",
        **_: Any,
    ) -> None:
        self._prefix, self._location = name_prefix or "rgname", location
        self._names = (parameter_name, parameter_name_for_location)

    def __call__(self, test: Test) -> Test:
        return supplied(test, set(self._names), self._supply)

    @contextlib.contextmanager
    def _supply(self, case: Any) -> Iterator[dict[str, Any]]:
        name = self._prefix + secrets.token_hex(6)
        subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
        path = f"{_ARM}/subscriptions/{subscription}/resourcegroups/{name}"
        group, location = self._names
        made = _ask("PUT", path, {"location": self._location, "tags": {"deleteAfter": _later()}})
        try:
            made["properties"] = SimpleNamespace(**made["properties"])
            yield {group: SimpleNamespace(**made), location: self._location}
        finally:
            _ask("DELETE", path)


RandomNameResourceGroupPreparer = ResourceGroupPreparer


def CachedResourceGroupPreparer(*args: Any, **kwargs: Any) -> ResourceGroupPreparer:
    """The same: here a group costs nothing, so that none is shared."""
    return ResourceGroupPreparer(*args, **kwargs)


def _ask(method: str, path: str, body: Any = None) -> Any:
    """One request to Resource Manager."""
    token = EnvironmentCredential().get_token(f"{_ARM}/.default").token
    answer = requests.request(
        method, path, params={"api-version": _VERSION}, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )  # fmt: skip
    if answer.status_code != 404:
        answer.raise_for_status()
    return answer.json() if answer.content else None


def _later() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
