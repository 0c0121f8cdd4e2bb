"""The images that the references are trained on: Fashion-MNIST from its idx files, or scikit-learn's digits.

An idx file begins with two zero bytes, one for the type of its numbers (8: bytes), one for the number of dimensions, and
four for each dimension, most significant first; then come the numbers
(http://yann.lecun.com/exdb/mnist, "The IDX file format").
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from math import prod
from typing import BinaryIO, NamedTuple, cast

import torch
from torch import Tensor

from resnet_check.errors import CannotCheckError

DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package dataset-fashion-mnist puts its files."""

DIGITS = "digits"
"""The word that asks for scikit-learn's digits in the place of a folder."""

CLASSES = 10
"""The classes of either data set."""

LARGEST = 2**31
"""The most bytes of images that a header may promise: forty times Fashion-MNIST, and less than most machines have."""

BYTES = 8
"""The type code of unsigned bytes in an idx file."""


class Split(NamedTuple):
    """Images (N, H, W) of bytes, and the class of each (N)."""

    images: Tensor
    labels: Tensor

    def first(self, limit: int | None) -> Split:
        """Return the first images, all without a limit."""
        return Split(self.images[:limit], self.labels[:limit])


class DataSet(NamedTuple):
    """Images to train on and others to test on; ``white`` is the largest value of a pixel."""

    name: str
    train: Split
    test: Split
    white: int


def load(folder: str | None) -> DataSet:
    """Return the data set of a folder; without one, Fashion-MNIST where Debian has it, else the digits.

    Raises `CannotCheckError` in one line where files are missing, unreadable or not what they should be.
    """
    if folder is None:
        folder = DEBIAN_FOLDER if os.path.isdir(DEBIAN_FOLDER) else DIGITS
    return load_digits() if folder == DIGITS else load_fashion_mnist(folder)


def load_digits() -> DataSet:
    """Return scikit-learn's 1,797 handwritten digits of 8x8 pixels: the last 297 to test, the others to train."""
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        message = (
            f"there is nothing to train on: without --data FOLDER and without Debian's dataset-fashion-mnist, "
            f"scikit-learn's digits are needed, and {error.name} is not installed; `pip install scikit-learn` installs it"
        )
        raise CannotCheckError(message) from None
    digits = datasets.load_digits()
    images, labels = torch.from_numpy(digits.images).to(torch.uint8), torch.from_numpy(digits.target).long()
    return DataSet("digits", Split(images[:1500], labels[:1500]), Split(images[1500:], labels[1500:]), white=16)


def load_fashion_mnist(folder: str) -> DataSet:
    """Return the data set of a folder's four files, each gzipped or not."""
    if not os.path.isdir(folder):
        message = f"no such folder: {folder}"
        raise CannotCheckError(message)
    train, test = load_split(folder, "train"), load_split(folder, "t10k")
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = " and ".join("{}x{}".format(*split.images.shape[1:]) for split in (train, test))
        message = f"the images for training and for testing in {folder} differ in size: {sizes}"
        raise CannotCheckError(message)
    return DataSet("Fashion-MNIST", train, test, white=255)


def load_split(folder: str, part: str) -> Split:
    """Return the images and labels of "train" or "t10k"."""
    image_file, label_file = find(folder, f"{part}-images-idx3-ubyte"), find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if len(images) != len(labels):
        message = f"{image_file} has {len(images)} images, but {label_file} has {len(labels)} labels"
        raise CannotCheckError(message)
    if not images.numel():
        message = f"{image_file} holds no images"
        raise CannotCheckError(message)
    if int(labels.max()) >= CLASSES:
        message = f"{label_file} has the label {int(labels.max())}, but classes are 0 to {CLASSES - 1}"
        raise CannotCheckError(message)
    return Split(images, labels.long())


def find(folder: str, name: str) -> str:
    """Return the path of a file by its name or that with ``.gz``."""
    for path in (os.path.join(folder, name + ".gz"), os.path.join(folder, name)):
        if os.path.exists(path):
            return path
    message = f"{folder} has no {name}, gzipped or not"
    raise CannotCheckError(message)


def read_idx(path: str, dimensions: int) -> Tensor:
    """Return the bytes of an idx file in their shape; raise `CannotCheckError` unless it has so many dimensions."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with cast("BinaryIO", gzip.open(path)) if zipped else open(path, "rb") as file:
            return parse_idx(path, file, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{path} is damaged or cut off: {error}"
        raise CannotCheckError(message) from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise CannotCheckError(message) from error


def parse_idx(path: str, file: BinaryIO, dimensions: int) -> Tensor:
    """Return the bytes of an open idx file; ``path`` is for the messages."""
    header = file.read(4)
    if header[:3] != bytes((0, 0, BYTES)) or len(header) < 4:
        message = f"{path} is no idx file of bytes"
        raise CannotCheckError(message)
    if header[3] != dimensions:
        kinds = {1: "labels", 3: "images"}
        found = kinds.get(header[3], f"{header[3]} dimensions")
        message = f"{path} holds {found} where {kinds[dimensions]} are expected"
        raise CannotCheckError(message)
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        message = f"{path} is cut off in its header"
        raise CannotCheckError(message)
    shape = struct.unpack(f">{dimensions}I", sizes)
    promised = prod(shape)
    if promised > LARGEST:
        message = f"{path} promises {promised:,} bytes, more than {LARGEST:,}: its header is damaged"
        raise CannotCheckError(message)
    content = bytearray(file.read(promised + 1))
    if len(content) != promised:
        found = f"only {len(content):,}" if len(content) < promised else "more"
        message = f"{path} promises {promised:,} bytes and has {found}"
        raise CannotCheckError(message)
    return (
        torch.frombuffer(content, dtype=torch.uint8).reshape(shape)
        if content
        else torch.empty(shape, dtype=torch.uint8)
    )
