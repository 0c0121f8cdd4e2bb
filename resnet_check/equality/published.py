"""In what a model that runs is not the published network of a name: its layout, its figures, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_check.graph.records import Model
    from resnet_check.papers.records import Variant
    from resnet_check.properties.subject import Subject


def off(what: str, found: int | None, wanted: int, tolerance: float = 0.0) -> str:
    """Return in words how a count is not the one that is wanted, nothing where it is."""
    if found is None:
        return f"the number of its {what} is not known"
    if abs(found - wanted) <= tolerance * wanted:
        return ""
    allowed = f", {tolerance:.3g} of it allowed" if tolerance else ""
    return f"{found:,} {what} instead of {wanted:,} ({found - wanted:+,}{allowed})"


def published(name: str) -> tuple[str | None, Variant | None]:
    """Return the reference and the published network that a name means; one of them may be missing."""
    from resnet_check.papers import find, variants
    from resnet_check.reference import REFERENCES

    if name in REFERENCES:
        of = [each for each in variants() if name == each or name.startswith(f"{each}-")]
        return name, variants()[max(of, key=len)] if of else None
    variant = find(name)
    return (variant.name if variant.name in REFERENCES else None), variant


def unlike(subject: Subject, reference: str | None, variant: Variant | None) -> list[str]:
    """Return in what a model is not the published network; nothing where it is."""
    from resnet_check.equality.reference import reference_model
    from resnet_check.graph.dim import value
    from resnet_check.papers import counting
    from resnet_check.properties.base import DoesNotApply, Failed
    from resnet_check.properties.equals_reference import against, classes_of, compare_outputs

    model = subject.model
    assert model is not None  # noqa: S101 - it was traced
    channels, classes = value(subject.shapes[0][1]), classes_of(model)
    if reference is None:
        assert variant is not None  # noqa: S101 - there is one of the two
        figures = (
            counting.params(variant, channels, classes),
            counting.macs(variant, channels, classes, subject.stated[0]),
        )
        return [*_layout(model, variant), *_figures(model, *figures)]
    try:
        name, found = against(subject, reference)
        theirs = reference_model(name, channels, classes, subject.stated)
        wrong = _figures(model, theirs.params, theirs.macs)
        if found.equal is None:
            return [found.reason, *wrong]
        if not found.equal:
            first = [f"first difference from the reference {name}: {found.first.words}"] if found.first else []
            return [*(_layout(model, variant) if variant else ()), *wrong, *first]
        compare_outputs(subject, name, found)
    except Failed as failed:
        return [f"{failed.message}, for {failed.example}" if failed.example else failed.message]
    except DoesNotApply as reason:
        return [str(reason)]
    return wrong


def _figures(model: Model, params: int | None, macs: int | None) -> list[str]:
    pairs = (("parameters", model.params, params), ("multiply-adds", model.macs, macs))
    return [words for what, found, wanted in pairs if wanted is not None and (words := off(what, found, wanted))]


def _layout(model: Model, variant: Variant) -> list[str]:
    """Return in what the blocks and stages are not those of the published network, other builds of it aside."""
    from resnet_check.anatomy import anatomy
    from resnet_check.anatomy.architecture import architecture
    from resnet_check.equality.verdict import BUILDS
    from resnet_check.papers.comparing import differences

    net = architecture(anatomy(model))
    if net is None:
        return ["it is no chain of residual blocks"] if variant.shortcut != "none" else []
    return [each.words for each in differences(net, variant) if each.weight and each.part not in BUILDS]
