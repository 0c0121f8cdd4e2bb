"""The pytest plugin: registers the marker ``resnet_check``, for tests that check a model.

Every pytest run in the same environment imports this module, so it imports nothing but pytest.
"""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "resnet_check: a test that checks a model with resnet-check")
