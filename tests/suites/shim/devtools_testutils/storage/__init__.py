"""What the storage suites ask for beside the rest."""

from __future__ import annotations

import logging
import random
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
        return random.randbytes(size)  # a test may have replaced os.urandom

    def get_random_text_data(self, size: int) -> str:
        """So many letters and digits."""
        return random_text(size)

    def generate_fake_sas_token(self) -> str:
        """A SAS that was signed with no account's key."""
        return "?st=2015-07-03T07%3A45%3A00Z&se=2015-07-03T09%3A45%3A00Z&sp=r&sv=2021-12-02&sr=b&sig=bm8ga2V5IHNpZ25lZCB0aGlz"

    def connection_string(self, account: Any, key: str) -> str:
        """The connection string of an account."""
        name = getattr(account, "name", account)
        return f"DefaultEndpointsProtocol=https;AccountName={name};AccountKey={key};EndpointSuffix=core.windows.net"

    def assertNamedItemInContainer(self, items: Any, name: str) -> None:
        """A list has something of this name."""
        found = [getattr(item, "name", item) for item in items]
        assert name in found, f"{name!r} is not among {found}"

    def assert_upload_progress(
        self, size: int, step: int, progress: list[tuple[int, int | None]], unknown_size: bool = False
    ) -> None:
        """Progress stayed within the size, and knew it unless it could not."""
        _assert_progress(size, progress, None if unknown_size else size)

    def assert_download_progress(
        self, size: int, step: int, first: int, progress: list[tuple[int, int | None]]
    ) -> None:
        """Progress stayed within what each response said of the size: of a range, or of the whole blob in the first one."""
        assert progress, "no progress was told"
        for current, told in progress:
            assert told is not None
            assert 0 <= current <= told, f"{current} of {told} in {progress}"


def _assert_progress(size: int, progress: list[tuple[int, int | None]], total: int | None) -> None:
    """Each entry tells where a piece began or ended; pieces that go side by side tell it in any order."""
    assert progress, "no progress was told"
    for current, told in progress:
        assert told == total, f"{told} instead of {total} in {progress}"
        assert 0 <= current <= size, f"{current} of {size} in {progress}"
