"""Training a reference on images: the loop, its state, and the checkpoint that survives an interruption.

A run is a function of its `Settings`: the seed gives the first weights, seed and epoch the order of the images. So a run
that was interrupted after any batch and goes on from its checkpoint ends with the weights of one that was not.
"""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_check.errors import CannotCheckError
from resnet_check.reference import build
from resnet_check.reference.data import CLASSES, DataSet, Split


class Settings(NamedTuple):
    """What a run depends on, apart from the images themselves: the options of the command line, by their names."""

    model: str
    data: str
    resize: int | None
    batch_size: int
    lr: float
    limit: int | None
    seed: int


class Result(NamedTuple):
    """An epoch: the mean loss, and the shares of images for training and for testing that were told rightly.

    Loss and training accuracy are taken while the weights change, batch by batch, as the blog takes them.
    """

    loss: float
    train_accuracy: float
    test_accuracy: float


@dataclass
class State:
    """How far a run is: the results of the epochs that are done, and of the next one batches, summed loss and hits."""

    results: list[Result] = field(default_factory=list)
    batches: int = 0
    loss: float = 0.0
    hits: int = 0


class Training:
    """A network that learns. ``advance`` hears of each batch, as a number of images; ``stop`` is asked after each."""

    def __init__(
        self,
        settings: Settings,
        data: DataSet,
        advance: Callable[[int], object] = lambda _images: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings = settings
        self.train = Split(*(tensor[: settings.limit] for tensor in data.train))
        self.test = Split(*(tensor[: settings.limit] for tensor in data.test))
        self.white = data.white
        self.advance = advance
        self.stop = stop
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(settings.seed)
        self.net = build(settings.model, in_channels=1, num_classes=CLASSES).to(self.device)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=settings.lr)
        self.state = State()

    def epoch(self) -> Result | None:
        """Train for the rest of an epoch, and test; return None where it was stopped before the end."""
        state = self.state
        for indexes in chunks(self.order(), self.settings.batch_size)[state.batches :]:
            self.step(indexes)
            if self.stop():
                return None
        right = self.tested()
        if right is None:
            return None
        images = len(self.train.labels)
        result = Result(state.loss / images, state.hits / images, right / len(self.test.labels))
        self.state = State([*state.results, result])
        return result

    def order(self) -> Tensor:
        """Return the order in which the epoch takes the images."""
        generator = torch.Generator().manual_seed((self.settings.seed << 20) + len(self.state.results))
        return torch.randperm(len(self.train.labels), generator=generator)

    def step(self, indexes: Tensor) -> None:
        """Take one step on a batch."""
        self.net.train()
        images, labels = self.batch(self.train, indexes)
        logits = self.net(images)
        loss = F.cross_entropy(logits, labels)
        if not math.isfinite(loss.item()):
            message = f"the loss is {loss.item()}: training has diverged; a smaller --lr may help"
            raise CannotCheckError(message)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.state.batches += 1
        self.state.loss += loss.item() * len(labels)
        self.state.hits += hits(logits, labels)
        self.advance(len(labels))

    @torch.no_grad()
    def tested(self) -> int | None:
        """Return how many of the test's images are told rightly; None where it was stopped before the end."""
        self.net.eval()
        right = 0
        for indexes in chunks(torch.arange(len(self.test.labels)), self.settings.batch_size):
            images, labels = self.batch(self.test, indexes)
            right += hits(self.net(images), labels)
            self.advance(len(labels))
            if self.stop():
                return None
        return right

    def batch(self, split: Split, indexes: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (N, 1, H, W) with values from 0 to 1, resized, and their labels (N)."""
        images = split.images[indexes].unsqueeze(1).to(self.device) / self.white
        if self.settings.resize is not None:
            images = F.interpolate(images, size=self.settings.resize, mode="bilinear", antialias=True)
        return images, split.labels[indexes].to(self.device)

    def save(self, path: str) -> None:
        """Write a checkpoint in one step, so that an interruption leaves the one before or this one, never a part."""
        content = {
            "settings": self.settings._asdict(),
            "state": asdict(self.state) | {"results": [tuple(result) for result in self.state.results]},
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        unfinished = f"{path}.{os.getpid()}.tmp"
        try:
            with open(unfinished, "wb") as file:
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror or error}"
            raise CannotCheckError(message) from error
        finally:
            if os.path.exists(unfinished):
                os.unlink(unfinished)

    def resume(self, path: str) -> None:
        """Go on from a checkpoint; raise `CannotCheckError` unless it is whole, and of a run with the same settings."""
        content = read_checkpoint(path)
        try:
            settings, state = content["settings"], content["state"]
            for name, wanted in self.settings._asdict().items():
                if settings[name] != wanted:
                    raise CannotCheckError(other_run(path, name, settings[name], wanted))
            self.net.load_state_dict(content["net"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.state = State(**{**state, "results": [Result(*result) for result in state["results"]]})
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise CannotCheckError(damaged(path)) from error


def chunks(indexes: Tensor, size: int) -> list[Tensor]:
    """Return the batches; a single image at the end joins the batch before, as norms cannot train on one value."""
    parts = list(indexes.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def hits(logits: Tensor, labels: Tensor) -> int:
    """Return how many images have their largest logit at their label."""
    return int((logits.argmax(1) == labels).sum())


def read_checkpoint(path: str) -> dict[str, Any]:
    """Return what a checkpoint holds: tensors, numbers and words, and never code."""
    try:
        with open(path, "rb") as file:
            packed = io.BytesIO(file.read())
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise CannotCheckError(message) from error
    try:
        with zipfile.ZipFile(packed) as archive:
            whole = archive.testzip() is None  # torch compares no checksums
        packed.seek(0)
        content = torch.load(packed, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file may fail anywhere in unpickling, each place with an exception of its own.
        raise CannotCheckError(damaged(path)) from error
    if not whole or not isinstance(content, dict):
        raise CannotCheckError(damaged(path))
    return content


def damaged(path: str) -> str:
    """Return the message for a file that is not what `Training.save` writes."""
    return f"{path} is no checkpoint of this program, or damaged; remove it to begin anew"


def other_run(path: str, name: str, found: object, wanted: object) -> str:
    """Return the message for a checkpoint of a run with another setting."""
    option = "--" + name.replace("_", "-")
    was, should = (f"without {option}" if value is None else f"with {option} {value}" for value in (found, wanted))
    return f"{path} is of a run {was}, not {should}"
