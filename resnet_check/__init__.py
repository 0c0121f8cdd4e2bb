"""resnet-check: does a ResNet run, is it the network that it says it is, and does it stay so?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet_check.api import check

__version__ = "0.1.0"

__all__ = ["__version__", "check"]


def __getattr__(name: str) -> Any:
    """Import the functions of the package when they are first used, so that importing it costs nothing."""
    if name == "check":
        from resnet_check.api import check

        return check
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
