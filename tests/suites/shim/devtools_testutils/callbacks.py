"""Callbacks that the tests of retries hang into the SDK's pipeline."""

from __future__ import annotations

from typing import Any


class ResponseCallback:
    """Counts responses, and changes the status of those that have a certain one."""

    def __init__(self, status: int | None = None, new_status: int | None = None) -> None:
        self.status = status
        self.new_status = new_status
        self.first = True
        self.count = 0

    def override_first_status(self, response: Any) -> None:
        """Change the first response with the status."""
        if self.first and response.http_response.status_code == self.status:
            response.http_response.status_code = self.new_status
            self.first = False
        self.count += 1

    def override_status(self, response: Any) -> None:
        """Change every response with the status."""
        if response.http_response.status_code == self.status:
            response.http_response.status_code = self.new_status
        self.count += 1


class RetryCounter:
    """Counts retries."""

    def __init__(self) -> None:
        self.count = 0

    def simple_count(self, *_: Any, **__: Any) -> None:
        """One more."""
        self.count += 1
