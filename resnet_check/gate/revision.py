"""Another revision of a project, as git has it: files are read from its objects, and nothing is checked out."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from resnet_check.errors import CannotCheckError

READ = (".py", "/pyproject.toml", "/resnet-check.toml", "/.gitignore")
"""The ends of the paths, behind a ``/``, that a check of a revision may look at."""

FILES = frozenset({b"100644", b"100755"})
"""The modes of files in a tree; links and the commits of submodules are none."""


class Repository(NamedTuple):
    """A repository by the folder at its root."""

    root: str

    def git(self, *words: str, given: bytes | None = None) -> bytes:
        """Return what git prints; raises `CannotCheckError` with the first line of what it complains about."""
        command = ["git", "-C", self.root, "--no-optional-locks", "-c", "core.quotePath=false", *words]
        try:
            done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603 - no shell
        except FileNotFoundError as error:
            message = "git is needed to read other revisions, and not installed"
            raise CannotCheckError(message) from error
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
            message = f"git {words[0]}: {lines[0].removeprefix('fatal: ')}"
            raise CannotCheckError(message)
        return done.stdout

    def commit(self, name: str) -> str:
        """Return the commit that a revision names."""
        try:
            return (
                self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
            )
        except CannotCheckError as error:
            message = f"no revision `{name}` in {self.root}"
            raise CannotCheckError(message) from error

    def fork(self, name: str) -> str:
        """Return the commit at which the current one left a revision, or that revision where they have nothing in common."""
        commit = self.commit(name)
        try:
            return self.git("merge-base", commit, "HEAD").decode().strip()
        except CannotCheckError:
            return commit

    def changed(self, commit: str) -> dict[str, str | None]:
        """Return the paths that are not as they were in a commit, with the path that each had then, None for a new one.

        A path is one from the root; one that is gone stands for itself.
        """
        fields = self.git("diff", "--name-status", "--no-ext-diff", "-M", "-z", commit, "--").split(b"\0")
        found: dict[str, str | None] = {}
        words = iter([os.fsdecode(field) for field in fields if field])
        for status in words:
            old = next(words)
            if status[:1] in {"R", "C"}:
                found[next(words)] = old
                found.setdefault(old, old)
            else:
                found[old] = None if status[:1] == "A" else old
        untracked = self.git("ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
        return {**found, **{os.fsdecode(path): None for path in untracked if path}}

    def tree(self, commit: str) -> dict[str, str]:
        """Return the files of a commit that a check may look at: path from the root, and the name of the content."""
        found: dict[str, str] = {}
        for entry in self.git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            head, _, path = entry.partition(b"\t")
            mode, _, name = head.partition(b" blob ")
            if mode in FILES and b".." not in path.split(b"/") and f"/{os.fsdecode(path)}".endswith(READ):
                found[os.fsdecode(path)] = name.decode()
        return found

    def contents(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents by their names, as they are in git: no filter runs."""
        answer = self.git("cat-file", "--batch", given="\n".join(names).encode())
        start = 0
        for _ in names:
            head, start = _line(answer, start)
            size = int(head.rpartition(b" ")[2])
            yield answer[start : start + size]
            start += size + 1

    def content(self, commit: str, path: str) -> bytes:
        """Return a file's content in a commit, nothing where it was none."""
        try:
            return self.git("cat-file", "blob", f"{commit}:{path}")
        except CannotCheckError:
            return b""


def _line(data: bytes, start: int) -> tuple[bytes, int]:
    end = data.index(b"\n", start)
    return data[start:end], end + 1


def repository(folder: str) -> Repository:
    """Return the repository that a folder is in; raises `CannotCheckError` where it is in none."""
    try:
        root = Repository(folder).git("rev-parse", "--show-toplevel")
    except CannotCheckError as error:
        message = f"{folder} is not in a git repository" if "not a git" in str(error) else str(error)
        raise CannotCheckError(message) from error
    return Repository(os.fsdecode(root.rstrip(b"\n")))


@contextmanager
def laid_out(repository: Repository, files: Mapping[str, str]) -> Iterator[str]:
    """Write files of a revision, by their path and the name of their content, below a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="resnet-check-") as folder:
        for path, content in zip(files, repository.contents(list(files.values())), strict=True):
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(content)
        yield os.path.realpath(folder)
