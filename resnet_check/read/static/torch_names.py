"""Names of torch that are neither layers nor operators: types, devices, initialisers, context managers, wrappers."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static import modules
from resnet_check.read.static.hosted import call_value, elements
from resnet_check.read.static.inplace import filled, uniform
from resnet_check.read.static.instances import PARAMETER
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.operations import ContextManager, decorated
from resnet_check.read.static.python_types import OBJECT, TYPES
from resnet_check.read.static.tensors import FUNCTIONS, run
from resnet_check.read.static.values import (
    BoundMethod,
    Class,
    ClassMethod,
    Function,
    Instance,
    Native,
    Opaque,
    Size,
    StaticMethod,
    Tensor,
)

NAMESPACES = {
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.modules",
    "torch.nn.init",
    "torch.nn.utils",
    "torch.nn.parallel",
    "torch.nn.parameter",
    "torch.nn.quantized",
    "torch.nn.utils.parametrizations",
    "torch.nn.modules.utils",
    "torch.nn.modules.conv",
    "torch.nn.modules.batchnorm",
    "torch.nn.modules.pooling",
    "torch.nn.modules.activation",
    "torch.nn.modules.linear",
    "torch.nn.modules.module",
    "torch.nn.modules.container",
    "torch.nn.modules.instancenorm",
    "torch.utils",
    "torch.utils.checkpoint",
    "torch.utils.model_zoo",
    "torch.utils.data",
    "torch.autograd",
    "torch.autograd.function",
    "torch.cuda",
    "torch.cuda.amp",
    "torch.amp",
    "torch._C",
    "torch.compiler",
    "torch.overrides",
    "torch.xpu",
    "torch.jit",
    "torch.jit._state",
    "torch.hub",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.onnx",
    "torch.fx",
    "torch.distributed",
    "torch.backends",
    "torch.backends.cudnn",
    "torch.backends.mps",
    "torch.fft",
    "torch.linalg",
    "torch.special",
    "torch.functional",
    "torch.types",
    "torch.random",
    "torch.version",
    "torch.quantization",
    "torch.ao",
    "torch.ao.quantization",
    "torch.ao.nn",
    "torch.ao.nn.quantized",
    "torch.testing",
}
DTYPES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    **{
        name: name
        for name in "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128".split()
    },
}


def passed(_: Interpreter, __: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Give the first argument back."""
    del args, kwargs
    return value


def compiled(_: Interpreter, __: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Give the first argument back; a module has methods to write it to a file then."""
    del args, kwargs
    if isinstance(value, Instance):
        for name in ("save", "save_to_buffer"):
            value.attributes.setdefault(name, Native(name, nothing, lenient=True))
    return value


def decorator(_: Interpreter, __: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Stand for a decorator that may be used with or without arguments, and changes nothing."""
    del args, kwargs
    if value is None or isinstance(value, (bool, str, int, Opaque, list, dict)):
        return Native("decorator", passed, lenient=True)
    return value


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing that is read here."""


def parameter(interpreter: Interpreter, site: Any, data: Any = None, requires_grad: Any = True) -> Any:  # noqa: FBT002 - torch's own
    """``nn.Parameter``."""
    if isinstance(data, Opaque):
        return data.of_kind("any")
    if not isinstance(data, Tensor):
        if data is None:
            return Tensor((0,), parameter=True)
        return interpreter.error("TypeError", "bad-call", site, reason="`Parameter` takes a tensor", value=data)
    if not all(isinstance(size, int) for size in data.shape):
        return Opaque("a parameter whose size depends on the input", site)
    made = Tensor(data.shape, data.dtype, parameter=True)
    made.requires_grad = requires_grad is not False
    filled(made, uniform(data), site)
    return made


def make_tensor(dtype: str) -> Any:
    """Return the constructor ``torch.Tensor`` and its like: sizes or data."""

    def make(interpreter: Interpreter, site: Any, *args: Any, **_: Any) -> Any:
        if args and isinstance(args[0], Tensor):
            return args[0]
        if args and isinstance(args[0], (list, tuple)) and not isinstance(args[0], Size):
            return run(interpreter, FUNCTIONS["torch.tensor"], args[:1], {"dtype": dtype}, site)
        return run(interpreter, FUNCTIONS["torch.empty"], args or ((0,),), {"dtype": dtype}, site)

    return make


def tensor_class(name: str, dtype: str) -> Class:
    cls = Class(name, (OBJECT,), {}, qualified=f"torch.{name}")
    cls.namespace["__new__"] = StaticMethod(Native(name, lambda i, s, _c, *a, **k: make_tensor(dtype)(i, s, *a, **k)))
    return cls


PARAMETER_CLASS = Class("Parameter", (OBJECT,), {}, qualified=PARAMETER)
PARAMETER_CLASS.namespace["__new__"] = StaticMethod(
    Native("Parameter", lambda i, s, _c, *a, **k: parameter(i, s, *a, **k), lenient=True)
)


def checkpoint(interpreter: Interpreter, site: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    """``torch.utils.checkpoint``: the function, called."""
    for name in ("use_reentrant", "preserve_rng_state", "context_fn", "determinism_check", "debug"):
        kwargs.pop(name, None)
    return call_value(interpreter, site, function, *args, **kwargs)


def checkpoint_sequential(
    interpreter: Interpreter, site: Any, functions: Any, segments: Any, value: Any, **kwargs: Any
) -> Any:
    del segments, kwargs
    found = list(modules.children(functions).values()) if isinstance(functions, Instance) else functions
    for function in elements(interpreter, site, found):
        value = call_value(interpreter, site, function, value)
    return value


class Mode(ContextManager):
    """A context manager that may also decorate a function (``torch.no_grad``)."""

    __slots__ = ()


def mode(name: str) -> Any:
    """Return a function that opens a mode, or decorates with it."""

    def make(_: Interpreter, __: Any, value: Any = None, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        if value is False and name != "no_grad":
            return ContextManager()
        manager = modules.open_mode(name)
        return decorated(manager, value) if isinstance(value, Function) else manager

    return make


def set_gradients(interpreter: Interpreter, site: Any, flag: Any = True) -> ContextManager:  # noqa: FBT002 - torch's own
    """``set_grad_enabled``: as a statement for all that follows, in ``with`` for the block."""
    if isinstance(flag, Opaque):
        return ContextManager()
    manager = modules.open_mode("enable_grad" if flag else "no_grad")
    manager.enter(interpreter, site)
    return ContextManager(leave=manager.exit)


def expand(count: int) -> Any:
    """Return ``_pair`` and its like."""

    def make(interpreter: Interpreter, site: Any, value: Any, *_: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(value)
        del interpreter, site
        return (value,) * count

    return make


def size(interpreter: Interpreter, site: Any, values: Any = ()) -> Any:
    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else Size(found)


def dtype_info(_: Interpreter, site: Any, *__: Any) -> Instance:
    made = Instance(OBJECT, site)
    made.attributes.update(eps=1e-7, max=3.4e38, min=-3.4e38, tiny=1e-38)
    return made


def registered_by_vector(interpreter: Interpreter, site: Any, tensors: Any) -> Any:
    """``parameters_to_vector``."""
    found = elements(interpreter, site, tensors)
    return Opaque("a vector of parameters", site, "tensor") if found is not None else None


def apply_function(interpreter: Interpreter, site: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """``Function.apply``: the static ``forward`` with a context object."""
    found = cls.find("forward")
    if found is None:
        return Opaque("an autograd function without forward", site, "tensor")
    forward = found[0].function if isinstance(found[0], StaticMethod) else found[0]
    if isinstance(forward, ClassMethod):
        forward = BoundMethod(forward.function, cls)
    context = [] if cls.find("setup_context") else [Instance(CONTEXT, site)]
    return call_value(interpreter, site, forward, *context, *args, **kwargs)


def native(name: str, function: Any) -> Native:
    return Native(name, function, lenient=True)


def unknown(kind: str) -> Any:
    return lambda _i, site, *_a, **_k: Opaque("a value that exists only when the program runs", site, kind)


CONTEXT = Class(
    "FunctionCtx",
    (OBJECT,),
    {
        n: native(n, nothing)
        for n in ("save_for_backward", "mark_non_differentiable", "mark_dirty", "set_materialize_grads")
    },
)
AUTOGRAD = Class(
    "Function", (OBJECT,), {"apply": ClassMethod(native("apply", apply_function))}, qualified="torch.autograd.Function"
)
PASSED = (
    "torch.autograd.Variable torch.compile torch.nn.utils.spectral_norm"
    " torch.nn.utils.parametrizations.spectral_norm"
    " torch.nn.utils.remove_weight_norm torch.fx.wrap torch.nn.utils.remove_spectral_norm"
    " torch.nn.SyncBatchNorm.convert_sync_batchnorm"
).split()
COMPILED = "torch.jit.script torch.jit.trace torch.jit.freeze torch.jit.optimize_for_inference".split()
DECORATORS = (
    "torch.jit.ignore torch.jit.export torch.jit.unused torch.jit.interface torch.jit.script_method"
    " torch.jit._overload_method torch.jit._overload torch.cuda.amp.custom_fwd torch.cuda.amp.custom_bwd"
    " torch.autograd.function.once_differentiable"
).split()
NOTHING = (
    "torch.manual_seed torch.cuda.manual_seed torch.cuda.manual_seed_all torch.set_default_dtype torch.set_grad_enabled_"
    " torch.set_num_threads torch.cuda.empty_cache torch.save torch.use_deterministic_algorithms torch.cuda.synchronize"
    " torch.set_printoptions torch._assert torch.set_float32_matmul_precision torch.cuda.set_device torch._C._log_api_usage_once"
    " torch.cuda.reset_peak_memory_stats torch.autograd.set_detect_anomaly torch.nn.utils.clip_grad_norm_ torch.random.manual_seed"
    " torch.onnx.export torch.nn.utils.clip_grad_value_"
).split()
FALSE = (
    "torch.cuda.is_available torch.jit.is_scripting torch.jit.is_tracing torch.onnx.is_in_onnx_export"
    " torch.distributed.is_available torch.distributed.is_initialized torch.is_autocast_enabled"
    " torch.backends.mps.is_available torch._C._get_tracing_state torch.overrides.has_torch_function_unary"
    " torch.is_anomaly_enabled torch.overrides.has_torch_function torch.cuda.is_bf16_supported torch.compiler.is_compiling"
    " torch.jit._state._enabled torch.xpu.is_available"
).split()

VALUES: dict[str, Any] = {
    **{f"torch.{name}": dtype for name, dtype in DTYPES.items()},
    **{name: native(name, passed) for name in PASSED},
    **{name: native(name, compiled) for name in COMPILED},
    **{name: native(name, decorator) for name in DECORATORS},
    **{name: native(name, nothing) for name in NOTHING},
    **{name: native(name, lambda *_a, **_k: False) for name in FALSE},
    "torch.Tensor": tensor_class("Tensor", "float32"),
    "torch.FloatTensor": tensor_class("FloatTensor", "float32"),
    "torch.LongTensor": tensor_class("LongTensor", "int64"),
    "torch.IntTensor": tensor_class("IntTensor", "int32"),
    "torch.BoolTensor": tensor_class("BoolTensor", "bool"),
    "torch.ByteTensor": tensor_class("ByteTensor", "uint8"),
    "torch.DoubleTensor": tensor_class("DoubleTensor", "float64"),
    "torch.cuda.FloatTensor": tensor_class("FloatTensor", "float32"),
    "torch.nn.Parameter": PARAMETER_CLASS,
    "torch.nn.parameter.Parameter": PARAMETER_CLASS,
    "torch.nn.Buffer": native("Buffer", passed),
    "torch.Size": native("Size", size),
    "torch.device": native("device", lambda _i, _s, *a, **_k: a[0] if a else "cpu"),
    "torch.dtype": TYPES["str"],
    "torch.Generator": native("Generator", unknown("any")),
    "torch.strided": "strided",
    "torch.channels_last": "channels_last",
    "torch.contiguous_format": "contiguous_format",
    "torch.preserve_format": "preserve_format",
    "torch.inf": float("inf"),
    "torch.nan": float("nan"),
    "torch.pi": 3.141592653589793,
    "torch.e": 2.718281828459045,
    "torch.__version__": "2.13.0",
    "torch.version.__version__": "2.13.0",
    "torch.version.cuda": None,
    "torch.backends.cudnn.benchmark": False,
    "torch.backends.cudnn.deterministic": False,
    "torch.backends.cudnn.enabled": False,
    "torch.get_default_dtype": native("get_default_dtype", lambda _i, _s: "float32"),
    "torch.finfo": native("finfo", dtype_info),
    "torch.iinfo": native("iinfo", dtype_info),
    "torch.is_tensor": native(
        "is_tensor", lambda _i, _s, v: v.of_kind("number") if isinstance(v, Opaque) else isinstance(v, Tensor)
    ),
    "torch.is_grad_enabled": native("is_grad_enabled", lambda i, _s: not modules.without_gradients(i.modes)),
    "torch.cuda.device_count": native("device_count", lambda *_a: 0),
    "torch.no_grad": native("no_grad", mode("no_grad")),
    "torch.inference_mode": native("inference_mode", mode("no_grad")),
    "torch.enable_grad": native("enable_grad", mode("enable_grad")),
    "torch.set_grad_enabled": native("set_grad_enabled", set_gradients),
    "torch.autocast": native("autocast", mode("autocast")),
    "torch.cuda.amp.autocast": native("autocast", mode("autocast")),
    "torch.amp.autocast": native("autocast", mode("autocast")),
    "torch.utils.checkpoint.checkpoint": native("checkpoint", checkpoint),
    "torch.utils.checkpoint.checkpoint_sequential": native("checkpoint_sequential", checkpoint_sequential),
    "torch.nn.utils.weight_norm": native("weight_norm", modules.weight_norm),
    "torch.nn.utils.parametrizations.weight_norm": native("weight_norm", modules.parametrized_norm),
    "torch.nn.modules.utils._single": native("_single", expand(1)),
    "torch.nn.modules.utils._pair": native("_pair", expand(2)),
    "torch.nn.modules.utils._triple": native("_triple", expand(3)),
    "torch.nn.modules.utils._quadruple": native("_quadruple", expand(4)),
    "torch.nn.modules.utils._ntuple": native("_ntuple", lambda _i, _s, n, *_a: native("_ntuple", expand(n))),
    "torch.nn._reduction": Opaque("torch.nn._reduction"),
    "torch.utils.data.Dataset": Class("Dataset", (OBJECT,), {}, qualified="torch.utils.data.Dataset"),
    "torch.autograd.Function": AUTOGRAD,
    "torch.nn.utils.parameters_to_vector": native("parameters_to_vector", registered_by_vector),
    "torch.hub.load_state_dict_from_url": native("load_state_dict_from_url", unknown("any")),
    "torch.utils.model_zoo.load_url": native("load_url", unknown("any")),
    "torch.load": native("load", unknown("any")),
}
