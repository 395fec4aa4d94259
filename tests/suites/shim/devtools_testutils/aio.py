"""The asynchronous twin of the recording decorator."""

from devtools_testutils.wrapping import passed_through as recorded_by_proxy_async

__all__ = ["recorded_by_proxy_async"]
