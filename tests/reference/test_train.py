"""Training: what it reads, that it learns, that it survives an interruption, and what it says of bad files."""

from __future__ import annotations

import gzip
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from resnet_check.errors import CannotCheckError
from resnet_check.reference import data, train, training
from resnet_check.reference.data import DataSet, Split
from resnet_check.reference.training import Settings, Training

ROOT = Path(__file__).parent.parent.parent

SMALL = Settings("resnet-20", "digits", resize=None, batch_size=32, lr=0.001, limit=96, seed=3)

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.fixture
def run(capsys):
    """Run the command in this process."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = train.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def idx(content: bytes, *shape: int, kind: int = 8) -> bytes:
    """Return an idx file."""
    return bytes((0, 0, kind, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + content


def fashion(folder: Path, count: int = 20) -> Path:
    """Write a small data set of Fashion-MNIST's form, gzipped and not: class 0 is dark, class 9 is light."""
    folder.mkdir()
    labels = bytes(i % 10 for i in range(count))
    images = b"".join(bytes([25 * label]) * 28 * 28 for label in labels)
    for name in (IMAGES, TEST_IMAGES):
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(images, count, 28, 28)))
    for name in (LABELS, TEST_LABELS):
        (folder / name).write_bytes(idx(labels, count))
    return folder


def weights(net: nn.Module) -> torch.Tensor:
    return torch.cat([tensor.double().flatten() for tensor in net.state_dict().values()])


def finish(run: Training, epochs: int) -> Training:
    while len(run.state.results) < epochs:
        assert run.epoch() is not None
    return run


def test_an_epoch_on_the_digits_learns(run):
    status, out, err = run("--data", "digits", "--epochs", 2)
    assert (status, err) == (0, "")
    first, second, *epochs = out.splitlines()
    assert first == "digits: 1,500 images to train and 297 to test, 8x8"
    assert second.startswith("resnet-20: 269,434 parameters, on ")
    accuracies = [float(re.search(r"test accuracy ([\d.]+)", line)[1]) for line in epochs]
    assert len(accuracies) == 2
    assert accuracies[-1] > 0.75


@pytest.mark.skipif(not os.path.isdir(data.DEBIAN_FOLDER), reason="dataset-fashion-mnist is not installed")
def test_an_epoch_on_a_part_of_fashion_mnist_learns(run):
    status, out, err = run("--epochs", 1, "--limit", 1000, "--resize", 16, "--batch-size", 32)
    assert (status, err) == (0, "")
    assert out.startswith("Fashion-MNIST: 1,000 images to train and 1,000 to test, 28x28, resized to 16x16\n")
    assert float(re.search(r" train accuracy ([\d.]+)", out)[1]) > 0.35


def test_the_recipe_is_the_blog_s_and_options_change_it(run):
    assert train.RECIPES["blog"][1:] == (96, 256, 0.001, 5)
    status, out, _err = run("--recipe", "blog", "--data", "digits", "--limit", 4, "--resize", 32, "--epochs", 1)
    assert status == 0
    assert (
        "digits: 4 images to train and 4 to test, 8x8, resized to 32x32\nblog-sequential: 21,290,250 parameters" in out
    )
    assert "epoch 1/1 " in out


@given(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)), st.booleans(), st.data())
def test_files_give_the_bytes_that_are_in_them(tmp_path_factory, shape, zipped, draw):
    content = draw.draw(st.binary(min_size=prod(shape), max_size=prod(shape)))
    path = tmp_path_factory.mktemp("idx") / "file"
    whole = idx(content, *shape)
    path.write_bytes(gzip.compress(whole) if zipped else whole)
    found = data.read_idx(str(path), 3)
    assert found.shape == shape
    assert bytes(found.flatten().tolist()) == content


@given(st.data())
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path_factory, draw):
    whole = draw.draw(st.sampled_from([idx(bytes(12), 3, 2, 2), gzip.compress(idx(bytes(range(12)), 3, 2, 2))]))
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(whole[: draw.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CannotCheckError):
        data.read_idx(str(path), 3)


def test_the_files_of_a_folder_are_trained_on(run, tmp_path):
    status, out, err = run("--data", fashion(tmp_path / "data"), "--epochs", 1, "--batch-size", 19)
    assert (status, err) == (0, "")
    assert out.startswith("Fashion-MNIST: 20 images to train and 20 to test, 28x28\n")


def test_debian_s_folder_is_found_without_the_option(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DEBIAN_FOLDER", str(fashion(tmp_path / "data")))
    assert data.load(None).name == "Fashion-MNIST"
    assert data.load("digits").name == "digits"
    monkeypatch.setattr(data, "DEBIAN_FOLDER", str(tmp_path / "none"))
    assert data.load(None).name == "digits"


# how a folder is spoilt, and what is said of it
BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda f: (f / LABELS).unlink(), f"FOLDER has no {LABELS}, gzipped or not"),
    "swapped": (
        lambda f: (f / LABELS).write_bytes(gzip.decompress((f / f"{IMAGES}.gz").read_bytes())),
        f"FOLDER/{LABELS} holds images where labels are expected",
    ),
    "labels for images": (
        lambda f: (f / f"{IMAGES}.gz").write_bytes((f / LABELS).read_bytes()),
        f"FOLDER/{IMAGES}.gz holds labels where images are expected",
    ),
    "one dimension too many": (
        lambda f: (f / LABELS).write_bytes(idx(bytes(20), 20, 1, 1, 1)),
        f"FOLDER/{LABELS} holds 4 dimensions where labels are expected",
    ),
    "of the other part": (
        lambda f: (f / LABELS).write_bytes(idx(bytes(7), 7)),
        f"FOLDER/{IMAGES}.gz has 20 images, but FOLDER/{LABELS} has 7 labels",
    ),
    "empty": (lambda f: (f / LABELS).write_bytes(b""), f"FOLDER/{LABELS} is no idx file of bytes"),
    "of floats": (lambda f: (f / LABELS).write_bytes(idx(bytes(80), 20, kind=13)), "is no idx file of bytes"),
    "something else": (lambda f: (f / LABELS).write_text("<html>not found</html>"), "is no idx file of bytes"),
    "cut off in the header": (lambda f: (f / LABELS).write_bytes(b"\0\0\x08\x01\0"), "is cut off in its header"),
    "cut off": (lambda f: (f / LABELS).write_bytes(idx(bytes(5), 20)), "promises 20 bytes and has only 5"),
    "too long": (lambda f: (f / LABELS).write_bytes(idx(bytes(50), 20)), "promises 20 bytes and has more"),
    "of another size": (
        lambda f: (f / f"{TEST_IMAGES}.gz").write_bytes(gzip.compress(idx(bytes(20 * 12), 20, 4, 3))),
        "the images for training and for testing in FOLDER differ in size: 28x28 and 4x3",
    ),
    "gzip cut off": (
        lambda f: (f / f"{IMAGES}.gz").write_bytes((f / f"{IMAGES}.gz").read_bytes()[:-20]),
        f"FOLDER/{IMAGES}.gz is damaged or cut off",
    ),
    "gzip damaged": (
        lambda f: (f / f"{IMAGES}.gz").write_bytes(b"\x1f\x8b" + bytes(50)), f"FOLDER/{IMAGES}.gz is damaged"
    ),
    "without images": (
        lambda f: [(f / f"{IMAGES}.gz").write_bytes(idx(b"", 0, 28, 28)), (f / LABELS).write_bytes(idx(b"", 0))],
        f"FOLDER/{IMAGES}.gz holds no images",
    ),
    "a wrong label": (lambda f: (f / LABELS).write_bytes(idx(bytes([10] * 20), 20)), "has the label 10, but classes are 0 to 9"),
    "a damaged header": (lambda f: (f / LABELS).write_bytes(idx(b"", 2**32 - 1)), "promises 4,294,967,295 bytes, more than"),
    "a folder for a file": (lambda f: [(f / LABELS).unlink(), (f / LABELS).mkdir()], f"cannot read FOLDER/{LABELS}: Is a dir"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_FOLDERS)
def test_bad_files_are_one_line_on_standard_error(run, tmp_path, kind):
    spoil, message = BAD_FOLDERS[kind]
    folder = fashion(tmp_path / "data")
    spoil(folder)
    status, out, err = run("--data", folder)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message.replace("FOLDER", str(folder)) in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "no such folder: nowhere"),
        (["--model", "resnet-35"], "there is no reference `resnet-35` (did you mean `resnet-"),
        (["--batch-size", 1], "1 is not in the range"),
        (["--recipe", "cake"], "'cake' is not one of"),
        (["--lr", 1e30, "--limit", 64], "the loss is nan: training has diverged; a smaller --lr may help"),
        (["--checkpoint", "no/such/folder/file"], "cannot write no/such/folder/file: its folder does not exist"),
        (["--checkpoint", "."], "cannot read .: Is a directory"),
    ],
)
def test_what_cannot_be_is_one_line_on_standard_error(run, arguments, message):
    status, _out, err = run("--data", "digits", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err


def test_without_anything_to_train_on_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(data, "DEBIAN_FOLDER", "/nowhere")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    status, _out, err = run()
    assert status == 2
    assert "`pip install scikit-learn` installs it" in err


def test_without_torch_it_says_what_to_install():
    script = "import sys; sys.modules['torch'] = None; from resnet_check.reference import train; sys.exit(train.main())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    message = "resnet-check: the references need torch, which is not installed; `pip install torch` installs it\n"
    assert done.stderr == message


@pytest.fixture(scope="module")
def uninterrupted():
    return finish(Training(SMALL, data.load_digits()), 2)


# an epoch has three batches for training and three for testing
@pytest.mark.parametrize("stop_after", [1, 3, 4, 6, 8, 11])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path, uninterrupted, stop_after):
    images = data.load_digits()
    asked = iter(range(1, 100))
    stopped = Training(SMALL, images, stop=lambda: next(asked) >= stop_after)
    while stopped.epoch() is not None:
        pass
    stopped.save(str(tmp_path / "checkpoint"))

    resumed = Training(SMALL, images)
    resumed.resume(str(tmp_path / "checkpoint"))
    finish(resumed, 2)
    assert resumed.state == uninterrupted.state
    assert torch.equal(weights(resumed.net), weights(uninterrupted.net))


def test_ctrl_c_saves_and_the_same_command_goes_on(run, tmp_path, monkeypatch):
    arguments = ["--data", "digits", "--limit", 96, "--batch-size", 32, "--epochs", 2, "--seed", 3, "--checkpoint"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run(*arguments, whole)[0] == 0

    real = training.hits
    calls = iter(range(1, 100))

    def hits(logits: torch.Tensor, labels: torch.Tensor) -> int:
        if next(calls) == 8:
            signal.raise_signal(signal.SIGINT)
        return real(logits, labels)

    monkeypatch.setattr(training, "hits", hits)
    status, out, err = run(*arguments, broken)
    assert (status, out.count("\nepoch ")) == (130, 1)
    assert err == f"resnet-check: interrupted; the same command goes on from {broken}\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    status, out, err = run(*arguments, broken)
    assert (status, err) == (0, "")
    assert f"going on from {broken}, epoch 2, batch 3\n" in out
    one, other = (torch.load(path, weights_only=True) for path in (whole, broken))
    assert one["state"] == other["state"]
    assert all(torch.equal(tensor, other["net"][name]) for name, tensor in one["net"].items())
    assert sorted(tmp_path.glob("*.tmp")) == []


def test_a_run_that_is_done_goes_on_when_it_gets_more_epochs(run, tmp_path):
    arguments = ["--data", "digits", "--limit", 64, "--checkpoint", tmp_path / "file", "--epochs"]
    assert run(*arguments, 1)[0] == 0
    assert "\nepoch " not in run(*arguments, 1)[1]
    assert "\nepoch 2/2 " in run(*arguments, 2)[1]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--model", "resnet-32", "is of a run with --model resnet-20, not with --model resnet-32"),
        ("--batch-size", 16, "is of a run with --batch-size 64, not with --batch-size 16"),
        ("--resize", 9, "is of a run without --resize, not with --resize 9"),
        ("--seed", 1, "is of a run with --seed 0, not with --seed 1"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(run, tmp_path, option, value, message):
    arguments = ["--data", "digits", "--limit", 64, "--epochs", 1, "--checkpoint", tmp_path / "file"]
    assert run(*arguments)[0] == 0
    before = (tmp_path / "file").read_bytes()
    status, _out, err = run(*arguments, option, value)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err
    assert (tmp_path / "file").read_bytes() == before


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "file"
    Training(SMALL, data.load_digits()).save(str(path))
    return path.read_bytes()


@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path, checkpoint, part):
    (tmp_path / "file").write_bytes(checkpoint[: int(len(checkpoint) * part)])
    with pytest.raises(CannotCheckError, match="is no checkpoint of this program, or damaged"):
        Training(SMALL, data.load_digits()).resume(str(tmp_path / "file"))


def test_a_checkpoint_with_one_wrong_byte_is_refused(tmp_path, checkpoint):
    middle = len(checkpoint) // 2
    (tmp_path / "file").write_bytes(checkpoint[:middle] + bytes([checkpoint[middle] ^ 1]) + checkpoint[middle + 1 :])
    with pytest.raises(CannotCheckError, match="is no checkpoint of this program, or damaged"):
        Training(SMALL, data.load_digits()).resume(str(tmp_path / "file"))


class Evil:
    """An object that a careless reader would run."""

    def __reduce__(self):
        return os.mkdir, ("made",)


@pytest.mark.parametrize("content", [[], {}, 3, torch.zeros(2), {"settings": None}, Evil()])
def test_a_file_of_another_kind_is_refused_and_never_run(tmp_path, content):
    torch.save(content, tmp_path / "file")
    with pytest.raises(CannotCheckError, match="is no checkpoint of this program, or damaged"):
        Training(SMALL, data.load_digits()).resume(str(tmp_path / "file"))
    assert not (tmp_path / "made").exists()


@given(st.integers(2, 200), st.integers(2, 64))
def test_batches_hold_every_image_once_and_none_is_single(images, size):
    parts = training.chunks(torch.arange(images), size)
    assert torch.cat(parts).tolist() == list(range(images))
    assert all(2 <= len(part) <= size + 1 for part in parts)


def test_the_order_of_the_images_differs_between_epochs_and_seeds():
    images = data.load_digits()
    run, other = Training(SMALL, images), Training(SMALL._replace(seed=4), images)
    first = run.order().tolist()
    run.state.results.append(training.Result(0, 0, 0))
    assert first != run.order().tolist() != other.order().tolist()
    assert first == Training(SMALL, images).order().tolist()


def test_pixels_go_from_zero_to_one():
    split = Split(torch.tensor([[[0, 8], [16, 16]]], dtype=torch.uint8), torch.tensor([4]))
    run = Training(SMALL._replace(resize=4), DataSet("digits", split, split, white=16))
    images, labels = run.batch(run.train, torch.tensor([0]))
    assert (tuple(images.shape), labels.tolist()) == ((1, 1, 4, 4), [4])
    assert (images[0, 0, 0, 0].item(), images[0, 0, 3, 3].item()) == (0, 1)
