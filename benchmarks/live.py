"""What a live check costs: processor time of whole runs, against what torch costs anyway.

usage: python benchmarks/live.py [--runs N] [--models N]

The first part compares `check --live` of one file with importing torch and building the model, once without and once with
the properties; the second gives the time of one of many models in one run. Medians of N runs (5) after one that is not counted.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = Path(__file__).parent.parent / "tests" / "models"
DEPTHS = {"ResNet-18": ("BasicBlock", [2, 2, 2, 2]), "ResNet-50": ("Bottleneck", [3, 4, 6, 3])}
WITHOUT_PROPERTIES = ["--select", "RC65"]


def cpu(command: list[str]) -> float:
    """Return the processor seconds of a command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(command: list[str], runs: int) -> float:
    """Return the median of the processor seconds of a command after one run that is not counted."""
    cpu(command)
    return statistics.median(cpu(command) for _ in range(runs))


def live(path: Path, *options: str) -> list[str]:
    """Return the command that checks a file live."""
    return [sys.executable, "-m", "resnet_check", "check", "--live", "--no-cache", *options, str(path)]


def network(folder: Path, name: str, block: str, depths: list[int], copies: int = 1) -> Path:
    """Write a file with one network, or with several that are alike."""
    text = (MODELS / "resnet_imagenet.py").read_text(encoding="utf-8")
    text = text[: text.index("def resnet18")]
    text += "".join(f"def net{number}():\n    return ResNet({block}, {depths})\n\n\n" for number in range(copies))
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def one(folder: Path, runs: int) -> None:
    """Compare the check of one file with importing torch and building its model."""
    print(f"{'one file':<12} {'torch and model':>16} {'--live':>18} {'with properties':>18}")
    for name, (block, depths) in DEPTHS.items():
        path = network(folder, name.replace("-", "_"), block, depths)
        script = f"import sys; sys.path.insert(0, {str(folder)!r}); import {path.stem} as m; m.net0()"
        plain = median([sys.executable, "-c", f"import torch; torch.set_num_threads(1); {script}"], runs)
        bare, full = median(live(path, *WITHOUT_PROPERTIES), runs), median(live(path), runs)
        print(f"{name:<12} {plain:14.2f} s {bare:8.2f} s, {bare / plain:.2f}x {full:8.2f} s, {full / plain:.2f}x")


def many(folder: Path, models: int) -> None:
    """Give the processor time of one of many models in the process that is forked for it."""
    from resnet_check.read.live.building import project_of
    from resnet_check.read.live.protocol import Request
    from resnet_check.read.live.session import Session

    path = network(folder, "many", "BasicBlock", [2, 2, 2, 2], copies=models)
    script = (
        f"import sys, time; sys.path.insert(0, {str(folder)!r}); import {path.stem} as m; start = time.process_time()"
    )
    build = f"{script}; [m.net0() for _ in range(9)]; print((time.process_time() - start) / 9 * 1000)"
    own = float(subprocess.run([sys.executable, "-c", build], capture_output=True, check=True).stdout)
    with Session(models) as session:
        times = []
        for number in range(models):
            request = Request(str(path), project_of(str(path)), f"net{number}", "factory", 1, input=[3, 224, 224])
            times.append(session.run(request).ended.cpu * 1000)
    each = statistics.median(times)
    print(
        f"{models} models (ResNet-18) in one run: {each:.0f} ms of processor time each, {each - own:.0f} ms more than building"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--models", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one(Path(folder), arguments.runs)
        many(Path(folder), arguments.models)


if __name__ == "__main__":
    main()
