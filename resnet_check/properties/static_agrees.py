"""The model that runs is another one than the static check has read.

## What it checks
The Graph that the static check draws from the source against the one that is traced while the model runs: figures, weights,
outputs, and the operators one by one. A model that was not understood completely by both is left out.

## Why it matters
Everything else that the static check says of the model rests on its Graph. A difference means that the program changes the
model in a way that does not show in its file, or that the check has misread it.

## Bad
    net.__class__ = Rectified

## Good
    return F.relu(self.fc(x))     # in `forward`

## How to fix
Write what the model does into its `forward`. Where the message seems wrong, please report it.

## Source
torch itself: the traced Graph holds the operators that ran.
"""

from __future__ import annotations

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.subject import Subject


@prop("RC611", "static-agrees", "note")
def check(subject: Subject) -> None:
    """Compare the two Graphs."""
    from resnet_check.equality.agreement import agrees

    if subject.static is None or subject.model is None or {subject.static.status, subject.model.status} != {"complete"}:
        message = "it was not understood completely, when read or when run"
        raise DoesNotApply(message)
    if any(name.startswith("parametrizations.") for module in subject.static.modules for name in module.parameters):
        message = "a weight is computed from others whenever it is used, of which the source shows nothing"
        raise DoesNotApply(message)
    found = agrees(subject.static, subject.model)
    if found is not None:
        message = f"{found.what}: {found.static} when read, {found.traced} when run"
        line = found.site.line if found.site is not None and subject.holds(found.site.path) else None
        raise Failed(message, line=line)


_EXCHANGED = """
class Bounded(Block):
    def forward(self, x):
        return super().forward(x).sigmoid()


def build():
    net = Net()
    net.body[1].__class__ = Bounded
    return net
"""

BAD = (network(("\ndef build():\n    return Net()\n", _EXCHANGED)),)

GOOD = (network(),)
