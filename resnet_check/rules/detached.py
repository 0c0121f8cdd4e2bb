"""The gradient is cut off in forward: layers before the cut never learn.

## What it checks
Whether `detach()`, `.data` or `torch.no_grad()` in forward leaves layers without any gradient, though their parameters
are trainable and their output is used, or cuts off a residual block's shortcut. Frozen parameters, stop-gradient branches
beside a path that does carry the gradient, and code that says what it does (a teacher, a target network, a pretrained
backbone) are left alone.

## Why it matters
Nothing fails, and the loss falls a little, since the layers behind the cut do learn. The others keep their random
start.

## Bad
    with torch.no_grad():
        x = self.layer4(self.layer3(x))
    return self.fc(x.mean((2, 3)))

## Good
    x = self.layer4(self.layer3(x))
    return self.fc(x.mean((2, 3)))

## How to fix
Remove the cut; whoever evaluates the model wraps its call in `torch.no_grad()`. If the layers are meant to stay as they
are, say so in the constructor: `self.backbone.requires_grad_(False)`.

## Source
The PyTorch documentation, "Autograd mechanics", section "Locally disabling gradient computation".
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.rules._gradient_cuts import Cut, cuts, is_meant
from resnet_check.rules._modules import counted
from resnet_check.rules._training import runnable
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC507", "detached", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the places that cut the gradient off from layers that should learn."""
    for model in runnable(context):
        for cut in cuts(context, model):
            if is_meant(context, cut):
                continue
            yield report(
                cut.site,
                f"`{cut.text}` cuts off the gradient of {loss(cut)}",
                label="no gradient gets past here",
                help=cut.help,
                model=model,
            )


def loss(cut: Cut) -> str:
    """Return what gets no gradient because of a cut."""
    count = len(cut.layers)
    if not count:
        return "the shortcut: only the branch passes one back, as in a network without shortcuts"
    paths = ", ".join(f"`{path}`" for path in cut.layers[:3]) + (", ..." if count > 3 else "")
    learn = "it never learns" if count == 1 else "they never learn"
    return f"{counted(count, 'layer')} with trainable parameters ({paths}): {learn}"


BAD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        if x.dim() == 4 and x.size(1) == 3:
            x = torch.relu(self.stem(x))
            return self.fc(x.mean((2, 3)).detach())  # <- detached
        raise ValueError(f"no images: {tuple(x.shape)}")
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        with torch.no_grad():  # <- detached
            x = torch.relu(self.stem(x))
            x = torch.relu(self.layer1(x))
        return self.fc(x.mean((2, 3)))
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        out = torch.relu(self.conv1(x))
        out = self.conv2(out.detach())  # <- detached
        return torch.relu(out + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = Block()
        self.fc = nn.Linear(8, 10)

    @torch.no_grad()  # <- detached
    def begin(self, x):
        return self.stem(x)

    def forward(self, x):
        x = self.block(self.begin(x))
        x = torch.flatten(x.mean((2, 3)), 1)
        return self.fc(x)
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        identity = x.detach()  # <- detached
        x = torch.relu(self.conv(x) + identity).mean((2, 3))
        x = x.data  # <- detached
        return self.fc(x)
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, s, padding=1)
        self.conv2 = nn.Conv2d(o, o, 3, padding=1)
        self.shortcut = nn.Conv2d(i, o, 1, s) if i != o else None

    def forward(self, x):
        out = self.conv2(torch.relu(self.conv1(x)))
        if self.shortcut is not None:
            x = self.shortcut(x).detach()  # <- detached
        return torch.relu(out + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(3, 8), Block(8, 8), Block(8, 16, 2))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))
""",
)

GOOD = (
    """
import torch
from torch import nn


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.predictor = nn.Linear(8, 8)

    def forward(self, x):
        z = self.encoder(x)
        return self.predictor(z), z.detach()


class Binary(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x)
        soft = x.clamp(-1, 1)
        return self.fc(((x.sign() - soft).detach() + soft).mean((2, 3))).detach().cpu().numpy()


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        with torch.no_grad():
            mask = (x.mean(1, keepdim=True) > 0).float()
        return x * mask
""",
    """
import torch
from torch import nn


class Transfer(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.backbone.requires_grad_(False)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        with torch.no_grad():
            x = self.backbone(x)
        return self.fc(x)


class Distilled(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = nn.Conv2d(3, 8, 3)
        self.teacher = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        with torch.no_grad():
            wanted = self.teacher(x)
        return self.student(x), wanted


class Probe(nn.Module):
    def __init__(self, through=False):
        super().__init__()
        self.through = through
        self.body = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.body(x).mean((2, 3))
        if not self.through:
            x = x.detach()
        return self.fc(x)
""",
)
