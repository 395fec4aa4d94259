"""The classes that the suites' tests are methods of."""

from __future__ import annotations

import datetime as dt
import inspect
import logging
import os
import random
import string
import time
import unittest
from types import SimpleNamespace
from typing import Any

from azure.identity import EnvironmentCredential

from devtools_testutils.helpers import name_for_test, test_name


class AzureRecordedTestCase:
    """What a test asks of its surroundings, answered for a live run."""

    is_live = True
    in_recording = False

    @property
    def qualified_test_name(self) -> str:
        """The running test's name."""
        return test_name()

    @property
    def logger(self) -> logging.Logger:
        """Where a test narrates."""
        return logging.getLogger("suite")

    @property
    def settings(self) -> SimpleNamespace:
        """The settings as attributes."""
        names = ("SUBSCRIPTION_ID", "TENANT_ID", "CLIENT_ID", "CLIENT_OID")
        return SimpleNamespace(**{name: os.environ.get(f"AZURE_{name}", "") for name in names})

    def is_playback(self) -> bool:
        """Whether recordings are played back; never."""
        return False

    def get_settings_value(self, key: str) -> str:
        """A setting of the run, such as SUBSCRIPTION_ID. Raises ValueError when it is not set."""
        value = os.environ.get(f"AZURE_{key}") or os.environ.get(key)
        if value is None:
            raise ValueError(f"{key} is not set for this run")
        return value

    def get_credential(self, client_class: Any = None, **kwargs: Any) -> Any:
        """A credential of the application that the sandbox signs in."""
        if kwargs.get("is_async"):
            from azure.identity.aio import EnvironmentCredential as AsyncEnvironmentCredential

            return AsyncEnvironmentCredential()
        return EnvironmentCredential()

    def create_client_from_credential(self, client_class: Any, credential: Any, **kwargs: Any) -> Any:
        """A client with a credential that the test chose."""
        return client_class(credential=credential, **kwargs)

    def create_basic_client(self, client_class: Any, **kwargs: Any) -> Any:
        """A client with the run's credential."""
        return client_class(credential=self.get_credential(client_class), **kwargs)

    def create_random_name(self, prefix: str) -> str:
        """A name that this test gets always and no other does."""
        return name_for_test(prefix)

    def get_resource_name(self, name: str) -> str:
        """A name that this test gets always and no other does."""
        return name_for_test(name)

    def get_replayable_random_resource_name(self, name: str) -> str:
        """A name that this test gets always and no other does."""
        return name_for_test(name)

    def get_preparer_resource_name(self, prefix: str) -> str:
        """A name that this test gets always and no other does."""
        return name_for_test(prefix)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def generate_sas(self, function: Any, *args: Any, **kwargs: Any) -> str:
        """The SAS that an SDK's function signs."""
        kwargs.pop("fake_value", None)
        return str(function(*args, **kwargs))

    def get_datetime_variable(self, variables: dict[str, str], name: str, value: dt.datetime) -> dt.datetime:
        """A time that a recording would keep."""
        return value


class AzureMgmtRecordedTestCase(AzureRecordedTestCase):
    """A test of a Resource Manager client."""

    def create_mgmt_client(self, client_class: Any, *, is_async: bool = False, **kwargs: Any) -> Any:
        """A client of the run's subscription."""
        if "subscription_id" in inspect.signature(client_class.__init__).parameters:
            kwargs.setdefault("subscription_id", self.get_settings_value("SUBSCRIPTION_ID"))
        return client_class(credential=self.get_credential(client_class, is_async=is_async), **kwargs)


class AzureMgmtTestCase(unittest.TestCase, AzureMgmtRecordedTestCase):
    """The same for tests in unittest's style."""


def random_text(size: int) -> str:
    """So many letters and digits."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=size))
