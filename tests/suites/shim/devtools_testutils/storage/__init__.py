"""What the storage suites ask for beside the rest."""

from __future__ import annotations

import logging
import os
from io import StringIO
from typing import Any

from devtools_testutils.cases import AzureRecordedTestCase, random_text

__all__ = ["GenericTestProxyParametrize1", "GenericTestProxyParametrize2", "LogCaptured", "StorageRecordedTestCase"]


class GenericTestProxyParametrize1:
    """Lets a recorded test have a parameter; here it has it anyway."""

    def __call__(self, test: Any) -> Any:
        return test


GenericTestProxyParametrize2 = GenericTestProxyParametrize1


class LogCaptured:
    """What the storage SDK logs meanwhile."""

    def __init__(self, case: Any = None) -> None:
        self._stream = StringIO()
        self._handler = logging.StreamHandler(self._stream)
        self._logger = logging.getLogger("azure.storage")

    def __enter__(self) -> StringIO:
        self._level = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self._handler)
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)


class StorageRecordedTestCase(AzureRecordedTestCase):
    """A test of a storage client."""

    def account_url(self, account: Any, kind: str) -> str:
        """The address of an account's service."""
        return f"https://{getattr(account, 'name', account)}.{kind}.core.windows.net"

    def get_random_bytes(self, size: int) -> bytes:
        """So many bytes."""
        return os.urandom(size)

    def get_random_text_data(self, size: int) -> str:
        """So many letters and digits."""
        return random_text(size)

    def generate_fake_sas_token(self) -> str:
        """A SAS that was signed with no account's key."""
        return "?st=2015-07-03T07%3A45%3A00Z&se=2015-07-03T09%3A45%3A00Z&sp=r&sv=2021-12-02&sr=b&sig=bm8ga2V5IHNpZ25lZCB0aGlz"
