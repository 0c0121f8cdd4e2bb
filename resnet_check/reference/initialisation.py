"""How the weights begin, the same for every family."""

from __future__ import annotations

from torch import nn


def initialise(net: nn.Module) -> None:
    """Fill the weights of all convolutions; norms begin as one and zero anyway, as torch makes them.

    He et al. 2015 (1512.03385), section 3.4, starts as "Delving Deep into Rectifiers" (1502.01852) does: a normal
    distribution whose variance is 2 / n. Its equations 10 (n counts the inputs of a neuron) and 14 (its outputs)
    serve equally well; the published training code counts outputs.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
