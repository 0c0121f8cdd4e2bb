"""Reading one file: its top level, then each of its models."""

from __future__ import annotations

import ast
import sys
import time
from typing import TYPE_CHECKING, Any

from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, Problem, Site, Unknown
from resnet_check.graph.sizes import multiply_adds
from resnet_check.read.reading import Reading, ReadOptions
from resnet_check.read.static import describe, doubtful, expressions, inputs, passes, statements, trials
from resnet_check.read.static.discovery import Candidate, base_classes, candidates, instances
from resnet_check.read.static.hosted import call_value
from resnet_check.read.static.imports import FileNamespace, Files
from resnet_check.read.static.interpreter import STUMBLES, Interpreter, stumbled
from resnet_check.read.static.looking import Looker
from resnet_check.read.static.modules import walk
from resnet_check.read.static.trace import Registry
from resnet_check.read.static.values import BudgetExceeded, Instance, Opaque, Raised, Undetermined

if TYPE_CHECKING:
    from resnet_check.source import Source

RECURSION = 20_000
REGISTERED = (expressions, statements)
"""Imported for the syntax nodes that they register."""


def read(source: Source, options: ReadOptions | None = None) -> Reading:
    """Return the Models of a file, and the problems that belong to none of them.

    Never raises for anything that a file can hold: what is too large or too deep ends in a ``too-complex`` problem.
    """
    options = options or ReadOptions()
    reading = Reading()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    started = time.process_time()
    interpreter = Interpreter(max_steps=options.max_steps, deadline=started + options.max_seconds)
    try:
        if source.tree is not None:
            FileReader(interpreter, source, options, reading).read()
    except BudgetExceeded as error:
        give_up(reading, source.path, str(error))
    except (RecursionError, MemoryError) as error:
        give_up(reading, source.path, type(error).__name__)
    except STUMBLES as error:
        give_up(reading, source.path, stumbled(error))
    finally:
        sys.setrecursionlimit(limit)
    files = interpreter.files
    reading.dependencies = sorted({*files.read, *files.sought} - {files.main}) if files else []
    return reading


def give_up(reading: Reading, path: str, reason: str) -> None:
    """Say why a file was not read to its end, and which of its models were not reached."""
    reading.problems.append(Problem("too-complex", Site(path, 1, 1, 1, 1), "", {"reason": reason}))
    for model in reading.models:
        if model.input is None and model.status == "complete":
            model.status = "partial"
            model.unknown.append(Unknown(f"not reached within the limits ({reason})", model.line, model.path))


class FileReader:
    """The state of reading one file."""

    def __init__(self, interpreter: Interpreter, source: Source, options: ReadOptions, reading: Reading) -> None:
        assert source.tree is not None  # noqa: S101 - checked by the caller
        self.interpreter = interpreter
        self.source = source
        self.options = options
        self.reading = reading
        self.tree: ast.Module = source.tree
        interpreter.stop = options.stop
        files = Files(source.path)
        interpreter.files = files
        self.namespace = FileNamespace(source.path, source.text, self.tree, files)
        self.namespace.interpreter = interpreter
        files.read[files.main] = self.namespace
        self.losses: dict[str, list[Opaque]] = {}
        """What was not understood while each model was built."""
        self.built_problems: dict[str, list[Problem]] = {}
        """The mistakes that building each model showed."""

    def read(self) -> None:
        """Execute the top level, then read each model; what runs as a program may take long and comes last."""
        program = [statement for statement in self.tree.body if is_program(statement)]
        self.interpreter.rebuilds = bool(program)
        top_problems = self.execute([statement for statement in self.tree.body if statement not in program])
        built: list[tuple[Candidate, Instance]] = []
        for candidate in candidates(self.namespace):
            root = self.build(candidate) if self.options.wants(candidate.name) else None
            if root is not None:
                built.append((candidate, root))
                if candidate.kind != "class":
                    self.complete(self.models[candidate.name], root)
        parts = {cls for _, root in built for cls in part_classes(root)}
        bases = base_classes(self.namespace.names)
        for model in [m for m in self.reading.models if m.kind == "class" and m.status == "failed"]:
            if self.namespace.names[model.name] in bases:  # abstract: what it lacks its subclasses say
                self.reading.models.remove(model)
        for candidate, root in [(c, root) for c, root in built if c.kind == "class"]:
            if root.cls in parts:
                self.drop(candidate)
                continue
            self.complete(self.models[candidate.name], root)
            if root.cls in bases and self.models[candidate.name].status == "failed":
                self.drop(candidate)
        top_problems += self.execute(program)
        bound = [(c, root) for c, root in instances(self.namespace) if self.options.wants(c.name)]
        in_bound = {cls for _, root in bound for cls in part_classes(root)} - parts
        parts |= in_bound
        for candidate, root in built:
            if candidate.kind == "class" and root.cls in in_bound and candidate.name in self.models:
                self.drop(candidate)
        for candidate, root in bound:
            model = Model(candidate.name, "instance", self.source.path, candidate.site.line)
            self.reading.models.append(model)
            self.complete(model, root)
            self.leave_to_class(model)
        self.reconsider([*built, *bound])
        used = parts | {root.cls for _, root in (*built, *bound)}
        self.reading.models.extend(trials.read(self, used))
        seen = {(p.kind, p.site.line, p.site.column) for m in self.reading.models for p in m.problems}
        self.reading.problems.extend(
            p
            for p in top_problems
            if p.site.path == self.source.path and (p.kind, p.site.line, p.site.column) not in seen
        )

    def execute(self, statements: list[ast.stmt]) -> list[Problem]:
        """Execute statements of the top level and return the problems that they showed."""
        self.interpreter.problems, self.interpreter.losses = [], []
        for statement in statements:
            self.namespace.execute(self.interpreter, statement)
        problems, self.interpreter.problems = self.interpreter.problems, []
        self.interpreter.losses = []
        return problems

    def reconsider(self, built: list[tuple[Candidate, Instance]]) -> None:
        """Look again at models that fail with the input that the file builds for another one, which accepts it."""
        accepted = {tuple(map(value, m.input[2:])) for m in self.reading.models if m.status == "complete" and m.input}
        for candidate, root in built:
            model = self.models.get(candidate.name)
            if model is None or model.status != "failed" or model.input is None or inputs.given_shapes(root):
                continue
            if self.options.input_size is None and tuple(map(value, model.input[2:])) in accepted - {()}:
                again = Model(model.name, model.kind, model.path, model.line)
                again.problems = list(self.built_problems.get(model.name, ()))
                self.complete(again, root, stated=False)
                if again.status != "failed":
                    self.reading.models[self.reading.models.index(model)] = again

    @property
    def models(self) -> dict[str, Model]:
        """The models so far, by name."""
        return {m.name: m for m in self.reading.models}

    def leave_to_class(self, model: Model) -> None:
        """Drop the mistakes of a module bound at top level that another model of the file, its class's say, shows too."""
        places = {(p.kind, p.site.line, p.site.column) for p in model.problems}
        for other in self.reading.models:
            if other is not model and places <= {(p.kind, p.site.line, p.site.column) for p in other.problems}:
                model.problems = []

    def drop(self, candidate: Candidate) -> None:
        """Forget a class that turned out to be a part; its mistakes show in the models that use it."""
        self.reading.models.remove(self.models[candidate.name])

    def build(self, candidate: Candidate, args: dict[str, Any] | None = None) -> Instance | None:
        """Call a factory or class; a model that cannot be built is listed all the same."""
        interpreter = self.interpreter
        interpreter.problems, interpreter.losses = [], []
        model = Model(candidate.name, candidate.kind, self.source.path, candidate.site.line)
        value: Any = None
        raised: Raised | None = None
        before = len(interpreter.instances)
        try:
            value = call_value(interpreter, candidate.site, candidate.value, **(args or {}))
        except Raised as exception:
            raised = exception
        except Undetermined as undetermined:
            value = undetermined.opaque
        finally:
            interpreter.depth = 0
            interpreter.handlers = []
        model.problems = interpreter.problems
        self.built_problems[candidate.name] = list(model.problems)
        losses = interpreter.losses
        if doubtful.needs_arguments(candidate.value, model.problems):
            return None
        if describe.is_model(value):
            self.reading.models.append(model)
            model.unknown = [describe.unknown_record(o, candidate.site) for o in losses]
            self.losses[candidate.name] = losses
            return value  # type: ignore[no-any-return]
        made = interpreter.instances[before:]
        builds = candidate.kind == "class" or any(describe.is_model(m) for m in made)
        if builds and (raised is not None or isinstance(value, Opaque)):
            self.reading.models.append(model)
            self.not_built(model, value, raised)
        return None

    def not_built(self, model: Model, value: Any, raised: Raised | None) -> None:
        """Say why a model could not be built."""
        if any(p.kind not in passes.NOT_FATAL for p in model.problems):
            model.status = "failed"
        elif raised is not None and is_import_error(raised):
            model.status = "partial"
            model.unknown.append(missing_package(raised))
        elif raised is not None:
            model.status = "failed"
            model.problems.append(Problem("raised", raised.site, "", {"message": raised_message(raised)}))
        else:
            model.status = "partial"
            model.unknown.append(describe.unknown_record(value, Site(model.path, model.line, 1, model.line, 1)))

    def complete(self, model: Model, root: Instance, *, stated: bool = True) -> None:
        """Run the model and fill in its figures; where the reader stumbles they stay unknown."""
        try:
            self.work_out(model, root, stated=stated)
        except STUMBLES as error:
            model.status, model.problems = "partial", []
            model.params = model.output = model.macs = model.accepted = None
            model.unknown.append(Unknown(stumbled(error), model.line, model.path))

    def work_out(self, model: Model, root: Instance, *, stated: bool) -> None:
        """Run the model and fill in its figures, at the size that the file states unless that is not meant for it."""
        interpreter = self.interpreter
        registry = Registry(root)
        site = Site(model.path, model.line, 1, model.line, 1)
        build_failed = any(p.kind not in passes.NOT_FATAL for p in model.problems)
        interpreter.losses = self.losses.get(model.name, [])
        interpreter.training_read = False
        other = doubtful.other_inputs(root)
        if other is not None and self.options.input_size is None:
            self.only_count(model, root, registry, other)
            return
        looker = Looker(interpreter, root, registry, site)
        shape, done = looker.look(
            self.tree if stated else NOTHING, self.options.input_size, sizes_only=not self.options.figures
        )
        trained = None
        if self.is_trained(root) and done.unknown is None:
            trained = passes.run(interpreter, root, registry, shape, site, training=True)
        reached = dict(done.trace.reached)
        for index, calls in (trained.trace.reached if trained else {}).items():
            reached.setdefault(index, calls)
        for each in filter(None, (done, trained)):
            describe.name_parameters(each.trace, registry, reached)
        model.input = shape
        model.modules = describe.module_records(registry, reached, done.outputs, site)
        model.ops = done.trace.ops
        model.guards = done.guards
        model.problems = [*model.problems, *done.problems, *(new_problems(trained, done) if trained else ())]
        if done.raised is not None and is_import_error(done.raised):
            model.status, model.unknown = "partial", [missing_package(done.raised)]
            return
        if done.raised is not None:
            model.problems.append(Problem("raised", done.raised.site, "", {"message": raised_message(done.raised)}))
        if interpreter.training_read:
            model.trained = trained.trace.ops if trained is not None and trained.unknown is None else []
        count, unknown = describe.parameters(root)
        model.params = count if not model.unknown else None
        for opaque in filter(None, (unknown, done.unknown)):
            record = describe.unknown_record(opaque, site)
            if record not in model.unknown:
                model.unknown.append(record)
        if looker.guessed and not build_failed and doubtful.input_is_wrong(done):
            model.status, model.problems = "partial", []
            why = describe.unknown_record(Opaque("the input is of another kind than an image"), site)
            model.unknown = [why if "after a mistake" in u.reason else u for u in model.unknown] or [why]
            return
        if build_failed or done.fatal:
            model.status = "failed"
            model.unknown = []
            if any(p.kind == "raised" for p in model.problems):
                model.unknown = []
            return
        if model.unknown:
            model.status = "partial"
        if done.unknown is None and not any(u for u in model.unknown if unknown is None):
            model.output = describe.output_shape(done.output)
            model.macs = multiply_adds(done.trace.ops, **passes.looked_at(shape))
            if not self.options.figures:
                return
            model.accepted = passes.accepted_sizes(interpreter, root, registry, shape, done, site)

    def is_trained(self, root: Instance) -> bool:
        """Return whether a pass in training mode is asked for, and goes another way on the same input."""
        return self.options.figures and self.interpreter.training_read and not doubtful.trains_on_more(root)

    def only_count(self, model: Model, root: Instance, registry: Registry, why: Opaque) -> None:
        """State the parameters of a model that cannot be run."""
        site = Site(model.path, model.line, 1, model.line, 1)
        count, unknown = describe.parameters(root)
        model.params = count if not model.unknown else None
        model.modules = describe.module_records(registry, {}, {}, site)
        if any(p.kind not in passes.NOT_FATAL for p in model.problems):
            model.status, model.unknown = "failed", []
            return
        model.status = "partial"
        model.unknown.extend(describe.unknown_record(opaque, site) for opaque in filter(None, (unknown, why)))


NOTHING = ast.Module([], [])
"""A file that states nothing."""


def is_program(statement: ast.stmt) -> bool:
    """Return whether a statement runs only when the file is a program: ``if __name__ == "__main__":``."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and isinstance(statement.test.left, ast.Name)
        and statement.test.left.id == "__name__"
    )


def new_problems(trained: passes.Pass, done: passes.Pass) -> list[Problem]:
    """Return the problems that only training mode shows."""
    seen = {(p.kind, p.site.line, p.site.column) for p in done.problems}
    return [
        p for p in trained.problems if (p.kind, p.site.line, p.site.column) not in seen and p.kind != "single-value"
    ]


def is_import_error(raised: Raised) -> bool:
    """Return whether the program misses a package: a matter of where it runs."""
    return isinstance(raised.value, Instance) and raised.value.cls.name in {"ImportError", "ModuleNotFoundError"}


def missing_package(raised: Raised) -> Unknown:
    """Return the lack of knowledge that a missing package leaves."""
    return Unknown(raised_message(raised), raised.site.line, raised.site.path)


def part_classes(root: Instance) -> set[Any]:
    """Return the classes of the modules below a root."""
    return {instance.cls for path, instance in walk(root) if path}


def raised_message(raised: Raised) -> str:
    """Return the name and the text of an exception that the program raised."""
    if not isinstance(raised.value, Instance):
        return ""
    args = raised.value.attributes.get("args", ())
    text = args[0] if args and isinstance(args[0], str) else ""
    return f"{raised.value.cls.name}: {text}" if text else raised.value.cls.name
