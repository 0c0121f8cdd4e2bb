"""What a check costs, against what `import torch` costs: processor time and memory of whole processes, in one run.

usage: python benchmarks/speed.py [--runs N] [FILE ...]

Each figure is the median of N runs (7) after one that is not counted. Without FILE the models of tests/models/ are
measured; a FILE (torchvision's models/resnet.py, say) is measured in addition. Needs torch for the first line only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = Path(__file__).parent.parent / "tests" / "models"
# What is installed has its bytecode beside it; a setting that forbids writing it would measure the compiler.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
IMPORT_TORCH = [sys.executable, "-c", "import torch"]
DEPTHS = {"ResNet-50": [3, 4, 6, 3], "ResNet-101": [3, 4, 23, 3], "ResNet-152": [3, 8, 36, 3]}


def measure(command: list[str], runs: int) -> tuple[float, float]:
    """Return the median processor seconds (user and system) and the peak memory in MB of a command."""
    seconds, memory = [], []
    for _ in range(runs + 1):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=ENVIRONMENT, **quiet) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            message = f"{' '.join(command)} ended with {process.returncode}"
            raise SystemExit(message)
        seconds.append(usage.ru_utime + usage.ru_stime)
        memory.append(usage.ru_maxrss / 1024)
    return statistics.median(seconds[1:]), max(memory[1:])


def check(path: Path) -> list[str]:
    """Return the command that checks a file without the cache."""
    return [sys.executable, "-m", "resnet_check", "check", "--no-cache", str(path)]


def single(depths: list[int], folder: Path) -> Path:
    """Write a file with one bottleneck network of the given depths."""
    text = (MODELS / "resnet_imagenet.py").read_text(encoding="utf-8")
    path = folder / f"resnet_{sum(depths)}.py"
    path.write_text(
        f"{text[: text.index('def resnet18')]}def net():\n    return ResNet(Bottleneck, {depths})\n", encoding="utf-8"
    )
    return path


def row(name: str, seconds: float, memory: float, note: str = "") -> None:
    """Print one line."""
    print(f"{name:<42} {seconds * 1000:8.0f} ms {memory:7.0f} MB  {note}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    runs = arguments.runs
    print(f"{'median of whole processes':<42} {'CPU':>8}    {'peak':>7}")
    torch_seconds, memory = measure(IMPORT_TORCH, runs)
    row("import torch", torch_seconds, memory)
    with tempfile.TemporaryDirectory() as folder:
        times = {}
        for name, depths in DEPTHS.items():
            times[name], memory = measure(check(single(depths, Path(folder))), runs)
            row(name, times[name], memory, f"import torch costs {torch_seconds / times[name]:.1f} times as much")
    start, _ = measure([sys.executable, "-m", "resnet_check", "--version"], runs)
    growth = (times["ResNet-152"] - start) / (times["ResNet-50"] - start)
    print(
        f"{'ResNet-152 against ResNet-50, less start-up':<42} {growth:8.1f} times, of {155 / 53:.1f} times the convolutions"
    )
    for path in (MODELS / "resnet_imagenet.py", MODELS / "resnet_cifar.py", *arguments.files):
        seconds, memory = measure(check(path), runs)
        row(path.name, seconds, memory, f"import torch costs {torch_seconds / seconds:.1f} times as much")


if __name__ == "__main__":
    main()
