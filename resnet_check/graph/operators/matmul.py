"""Matrix products."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import axis, needs, numel
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.broadcasting import agree, broadcast, expanded
from resnet_check.graph.operators.dtypes import float_only, result_type
from resnet_check.graph.records import Shape


def _same_dtype(check: Checks, operator: str, *tensors: Any) -> None:
    if any(t.dtype != tensors[0].dtype for t in tensors):
        dtypes = " and ".join(dict.fromkeys(t.dtype for t in tensors))
        check.fail("invalid-argument", reason=f"{operator} of {dtypes}")


def _ranks(operator: str, ranks: tuple[int, ...], *tensors: Any) -> None:
    for t, rank in zip(tensors, ranks, strict=True):
        if len(needs(t, operator).shape) != rank:
            message = f"{operator} needs a tensor of {rank} dims, got {len(t.shape)}"
            raise Refused(message)


def _inner(check: Checks, left: Shape, right: Shape, operator: str) -> Number:
    """Return the size that is summed over: the left's last and the right's last but one."""
    got, expected = left[-1], right[-2] if len(right) > 1 else right[0]
    if got != expected:
        facts = {"left": left, "right": right, "operator": operator}
        check.require("==", got, expected, "matmul-features", got=got, expected=expected, **facts)
    return got


def product(check: Checks, left: Any, right: Any, operator: str) -> Result:
    """Return the matrix product with torch's broadcasting of batch dims."""
    needs(left, operator)
    needs(right, operator)
    _same_dtype(check, operator, left, right)
    a, b = left.shape, right.shape
    if not a or not b:
        message = f"{operator} of a tensor without dims"
        raise Refused(message)
    inner = _inner(check, a, b, operator)
    rows = a[-2:-1]
    columns = b[-1:] if len(b) > 1 else ()
    batch = a[:-2]
    if b[:-2] != batch:
        batch = broadcast(check, "broadcast", batch, b[:-2], operator=operator)
    shape = (*batch, *rows, *columns)
    return Result("matmul", shape, (left, right), {}, left.dtype, numel(shape) * inner)


@function("torch.matmul", "torch.Tensor.matmul", "torch.linalg.matmul", free="out")
def matmul(check: Checks, input: Any, other: Any, *, out: Any = None) -> Result:
    """Multiply matrices, vectors or batches of matrices."""
    return product(check, input, other, "matmul")


@function("operator.matmul", "operator.imatmul")
def matmul_sign(check: Checks, left: Any, right: Any) -> Result:
    """Multiply matrices, vectors or batches of matrices (the sign ``@``)."""
    return product(check, left, right, "matmul")


@function("torch.mm", "torch.Tensor.mm", free="out")
def mm(check: Checks, input: Any, mat2: Any, *, out: Any = None) -> Result:
    """Multiply two matrices."""
    _ranks("mm", (2, 2), input, mat2)
    return product(check, input, mat2, "mm")


@function("torch.bmm", "torch.Tensor.bmm", free="out")
def bmm(check: Checks, input: Any, mat2: Any, *, out: Any = None) -> Result:
    """Multiply two batches of matrices of the same number."""
    _ranks("bmm", (3, 3), input, mat2)
    _batches(check, input, mat2, "bmm")
    return product(check, input, mat2, "bmm")


def _batches(check: Checks, left: Any, right: Any, operator: str) -> None:
    got, expected = right.shape[0], left.shape[0]
    if got != expected:
        facts = {"left": left.shape, "right": right.shape, "dim": 0, "operator": operator}
        check.require("==", expected, got, "broadcast", got=got, expected=expected, **facts)


@function("torch.mv", "torch.Tensor.mv", free="out")
def mv(check: Checks, input: Any, vec: Any, *, out: Any = None) -> Result:
    """Multiply a matrix and a vector."""
    _ranks("mv", (2, 1), input, vec)
    return product(check, input, vec, "mv")


@function("torch.dot", "torch.Tensor.dot", free="out")
def dot(check: Checks, input: Any, tensor: Any, *, out: Any = None) -> Result:
    """Multiply two vectors and sum."""
    _ranks("dot", (1, 1), input, tensor)
    return product(check, input, tensor, "dot")


@function("torch.inner", "torch.Tensor.inner", free="out")
def inner(check: Checks, input: Any, other: Any, *, out: Any = None) -> Result:
    """Multiply the last dims of two tensors and sum."""
    left, right = needs(input, "inner").shape, needs(other, "inner").shape
    _same_dtype(check, "inner", input, other)
    if not left or not right:
        return Result("mul", left or right, (input, other), {}, result_type((input, other)))
    summed = _inner(check, left, (*right[:-2], right[-1], 1), "inner")
    shape = (*left[:-1], *right[:-1])
    return Result("matmul", shape, (input, other), {}, input.dtype, numel(shape) * summed)


@function("torch.linalg.inv", "torch.inverse", "torch.Tensor.inverse", "torch.linalg.matrix_exp", free="out")
def inverse(check: Checks, A: Any, *, out: Any = None) -> Result:  # noqa: N803 - torch's name
    """Invert square matrices."""
    return _square(check, A, "inverse", needs(A, "inverse").shape)


@function("torch.linalg.det", "torch.det", "torch.Tensor.det", free="out")
def determinant(check: Checks, A: Any, *, out: Any = None) -> Result:  # noqa: N803 - torch's name
    """Return the determinants of square matrices."""
    return _square(check, A, "det", needs(A, "det").shape[:-2])


def _square(check: Checks, matrix: Any, operator: str, shape: Shape) -> Result:
    if len(matrix.shape) < 2:
        message = f"{operator} needs a tensor of 2 dims or more"
        raise Refused(message)
    rows, columns = matrix.shape[-2:]
    if rows != columns:
        check.require("==", rows, columns, "matmul-features", got=columns, expected=rows, operator=operator)
    return Result(operator, shape, (matrix,), {}, float_only(matrix.dtype))


@function("torch.outer", "torch.ger", "torch.Tensor.outer", "torch.Tensor.ger", free="out")
def outer(check: Checks, input: Any, vec2: Any, *, out: Any = None) -> Result:
    """Multiply every element of one vector with every element of another."""
    _ranks("outer", (1, 1), input, vec2)
    return Result("outer", input.shape + vec2.shape, (input, vec2), {}, result_type((input, vec2)))


def _added(check: Checks, added: Any, result: Result, operator: str, scales: dict[str, Any]) -> Result:
    """Return the product with a tensor added that broadcasts to it."""
    _same_dtype(check, operator, added, *result.inputs)
    expanded(check, added.shape, result.shape, operator)
    result.inputs = (added, *result.inputs)
    result.kind = "addmm"
    result.attributes = {name: scale for name, scale in scales.items() if scale.__class__ is not int or scale != 1}
    return result


@function("torch.addmm", "torch.Tensor.addmm", free="beta alpha out")
def addmm(check: Checks, input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Result:
    """Multiply two matrices and add a third."""
    _ranks("addmm", (2, 2), mat1, mat2)
    return _added(check, input, product(check, mat1, mat2, "addmm"), "addmm", {"beta": beta, "alpha": alpha})


@function("torch.addmv", "torch.Tensor.addmv", free="beta alpha out")
def addmv(check: Checks, input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Result:
    """Multiply a matrix and a vector and add a vector."""
    _ranks("addmv", (2, 1), mat, vec)
    return _added(check, input, product(check, mat, vec, "addmv"), "addmv", {"beta": beta, "alpha": alpha})


@function("torch.baddbmm", "torch.Tensor.baddbmm", free="beta alpha out")
def baddbmm(
    check: Checks, input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> Result:
    """Multiply two batches of matrices and add a third."""
    _ranks("baddbmm", (3, 3), batch1, batch2)
    _batches(check, batch1, batch2, "baddbmm")
    return _added(check, input, product(check, batch1, batch2, "baddbmm"), "baddbmm", {"beta": beta, "alpha": alpha})


@function("torch.addbmm", "torch.Tensor.addbmm", free="beta alpha out")
def addbmm(
    check: Checks, input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> Result:
    """Multiply two batches of matrices, sum over the batch and add a matrix."""
    _ranks("addbmm", (3, 3), batch1, batch2)
    _batches(check, batch1, batch2, "addbmm")
    result = product(check, batch1, batch2, "addbmm")
    result.shape = result.shape[1:]
    return _added(check, input, result, "addbmm", {"beta": beta, "alpha": alpha})


@function("torch.tensordot", free="out")
def tensordot(check: Checks, a: Any, b: Any, dims: Any = 2, out: Any = None) -> Result:
    """Sum over several dims of two tensors at once."""
    needs(a, "tensordot")
    needs(b, "tensordot")
    _same_dtype(check, "tensordot", a, b)
    left, right = _contracted(check, a.shape, b.shape, dims)
    inner: Number = 1
    for i, j in zip(left, right, strict=True):
        facts = {"left": a.shape, "right": b.shape, "operator": "tensordot"}
        inner = inner * agree(check, "matmul-features", a.shape[i], b.shape[j], **facts)
    kept = [size for i, size in enumerate(a.shape) if i not in left]
    kept += [size for j, size in enumerate(b.shape) if j not in right]
    shape = tuple(kept)
    return Result("matmul", shape, (a, b), {"dims": (left, right)}, a.dtype, numel(shape) * inner)


def _contracted(check: Checks, a: Shape, b: Shape, dims: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(dims, int):
        if not 0 <= dims <= min(len(a), len(b)):
            message = f"tensordot over {dims} dims of tensors with {len(a)} and {len(b)}"
            raise Refused(message)
        return tuple(range(len(a) - dims, len(a))), tuple(range(dims))
    try:
        first, second = dims
    except (TypeError, ValueError):
        message = "tensordot needs a number of dims or two lists of them"
        raise Refused(message) from None
    first, second = ([side] if isinstance(side, int) else list(side) for side in (first, second))
    if (first and not a) or (second and not b):
        message = "tensordot over a dim of a tensor without dims"
        raise Refused(message)
    left = tuple([axis(check, dim, len(a)) for dim in first])
    right = tuple([axis(check, dim, len(b)) for dim in second])
    if len(left) != len(right) or len(set(left)) < len(left) or len(set(right)) < len(right):
        message = "tensordot needs the same number of different dims from both tensors"
        raise Refused(message)
    return left, right


@function("torch.kron", "torch.Tensor.kron", free="out")
def kron(check: Checks, input: Any, other: Any, *, out: Any = None) -> Result:
    """Multiply every element of one tensor with the whole other."""
    rank = max(len(input.shape), len(other.shape))
    left = (1,) * (rank - len(input.shape)) + input.shape
    right = (1,) * (rank - len(other.shape)) + other.shape
    shape = tuple([a * b for a, b in zip(left, right, strict=True)])
    return Result("kron", shape, (input, other), {}, result_type((input, other)))


@function("torch.cdist", free="p compute_mode")
def cdist(check: Checks, x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "") -> Result:
    """Return the distances between the rows of two batches of matrices."""
    for t in (x1, x2):
        if len(needs(t, "cdist").shape) < 2:
            message = "cdist needs tensors of 2 dims or more"
            raise Refused(message)
    left, right = x1.shape, x2.shape
    if left[-1] != right[-1]:
        facts = {"left": left, "right": right, "operator": "cdist"}
        check.require("==", left[-1], right[-1], "matmul-features", got=left[-1], expected=right[-1], **facts)
    batch = broadcast(check, "broadcast", left[:-2], right[:-2], operator="cdist")
    return Result("cdist", (*batch, left[-2], right[-2]), (x1, x2), {}, result_type((x1, x2)))


@function("torch.cross", "torch.Tensor.cross", "torch.linalg.cross", free="out")
def cross(check: Checks, input: Any, other: Any, dim: Any = None, *, out: Any = None) -> Result:
    """Return the vector product along a dim of size three."""
    shape = broadcast(check, "broadcast", input.shape, other.shape, operator="cross")
    if dim is not None:
        size = shape[axis(check, dim, len(shape))]
        check.require("==", size, 3, "matmul-features", got=size, expected=3, operator="cross")
    return Result("cross", shape, (input, other), {}, result_type((input, other)))
