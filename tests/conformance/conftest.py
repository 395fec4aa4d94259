"""The fixture that the end-to-end tests share: one folder of built scoring environments."""

from tests.e2e.conftest import environment_cache

__all__ = ["environment_cache"]
