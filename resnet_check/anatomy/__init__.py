"""Reading a Graph as a residual network: what is a block, its branch, its shortcut, the stem; whatever the names."""

from __future__ import annotations

from resnet_check.anatomy.network import Anatomy, anatomy

__all__ = ["Anatomy", "anatomy"]
