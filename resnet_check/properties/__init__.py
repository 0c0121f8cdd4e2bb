"""Properties of a model that runs: what must hold for every input, tried on generated ones. Torch is imported only in use."""

from resnet_check.properties.base import Outcome, Property, all_properties, run
from resnet_check.properties.subject import Subject

__all__ = ["Outcome", "Property", "Subject", "all_properties", "run"]
