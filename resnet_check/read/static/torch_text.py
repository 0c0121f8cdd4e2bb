"""Parts of torch that are easiest said in Python, as text for the reader (see `prelude`)."""

from __future__ import annotations

TEXT = """
import copy

import torch
from torch import nn
from torch.nn import functional as F

class DataParallel(nn.Module):
    def __init__(self, module, device_ids=None, output_device=None, dim=0, **kwargs):
        super().__init__()
        self.module = module
    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

class RemovableHandle:
    def __init__(self, hooks, key):
        self.hooks = hooks
        self.key = key
    def remove(self):
        self.hooks.pop(self.key, None)
    def __enter__(self):
        return self
    def __exit__(self, *args):
        self.remove()

class ModelHubMixin:
    pass

class Bernoulli:
    def __init__(self, probs=None, logits=None, validate_args=None):
        self.probs = torch.as_tensor(probs if logits is None else logits)
    def sample(self, sample_shape=()):
        return torch.bernoulli(self.probs.expand((*sample_shape, *self.probs.shape)))

class Stub(nn.Module):
    def __init__(self, qconfig=None):
        super().__init__()
    def forward(self, x):
        return x

class FloatFunctional(nn.Module):
    def __init__(self):
        super().__init__()
        self.activation_post_process = nn.Identity()
    def add(self, x, y):
        return torch.add(x, y)
    def add_scalar(self, x, y):
        return torch.add(x, y)
    def mul(self, x, y):
        return torch.mul(x, y)
    def mul_scalar(self, x, y):
        return torch.mul(x, y)
    def cat(self, x, dim=0):
        return torch.cat(x, dim=dim)
    def add_relu(self, x, y):
        return torch.relu(torch.add(x, y))
    def matmul(self, x, y):
        return torch.matmul(x, y)

def attention(query, key, value, heads, q_weight, k_weight, v_weight, bias, out_weight, out_bias, weights):
    width = query.shape[-1]
    parts = (None, None, None) if bias is None else bias.chunk(3)
    given = ((query, q_weight, parts[0]), (key, k_weight, parts[1]), (value, v_weight, parts[2]))
    q, k, v = [
        F.linear(x, w, b).reshape(x.shape[0], -1, heads, width // heads).permute(1, 2, 0, 3) for x, w, b in given
    ]
    scores = (q @ k.transpose(-2, -1)).softmax(-1)
    joined = (scores @ v).permute(2, 0, 1, 3).reshape(query.shape[0], -1, width)
    return F.linear(joined, out_weight, out_bias), scores.mean(1) if weights else None


def multi_head_attention_forward(
    query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn,
    dropout_p, out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
    use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, **kwargs
):
    if not use_separate_proj_weight:
        q_proj_weight, k_proj_weight, v_proj_weight = in_proj_weight.chunk(3)
    projections = (q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias)
    return attention(query, key, value, num_heads, *projections, need_weights)


class TransformerEncoderLayer(nn.Module):
    def __init__(
        self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu, layer_norm_eps=1e-5,
        batch_first=False, norm_first=False, bias=True, device=None, dtype=None
    ):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first)
        self.linear1 = nn.Linear(d_model, dim_feedforward, bias)
        self.dropout = nn.Dropout(dropout)
        self.linear2 = nn.Linear(dim_feedforward, d_model, bias)
        self.norm_first = norm_first
        self.norm1 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1 = nn.Dropout(dropout)
        self.dropout2 = nn.Dropout(dropout)
        self.activation = {"relu": F.relu, "gelu": F.gelu}[activation] if isinstance(activation, str) else activation

    def _sa_block(self, x, mask, padding):
        return self.dropout1(self.self_attn(x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False)[0])

    def _ff_block(self, x):
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        if self.norm_first:
            src = src + self._sa_block(self.norm1(src), src_mask, src_key_padding_mask)
            return src + self._ff_block(self.norm2(src))
        src = self.norm1(src + self._sa_block(src, src_mask, src_key_padding_mask))
        return self.norm2(src + self._ff_block(src))


class TransformerEncoder(nn.Module):
    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        super().__init__()
        self.layers = nn.ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask)
        return src if self.norm is None else self.norm(src)


def stft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
    onesided=None, return_complex=None
):
    if center:
        rank = input.dim()
        input = F.pad(input.reshape(1, -1, input.shape[-1]), (n_fft // 2, n_fft // 2), pad_mode).reshape(
            *input.shape[: rank - 1], -1
        )
    bins = n_fft if onesided is False else n_fft // 2 + 1
    frames = input.unfold(-1, n_fft, hop_length or n_fft // 4) @ torch.ones(n_fft, bins)
    frames = frames.transpose(-1, -2)
    return frames if return_complex else torch.stack((frames, frames), -1)
"""


PLACES = {
    **{
        f"torch.{prefix}{name}": target
        for prefix in ("quantization.", "ao.quantization.")
        for name, target in (("QuantStub", "Stub"), ("DeQuantStub", "Stub"))
    },
    **{
        f"torch.{prefix}FloatFunctional": "FloatFunctional"
        for prefix in ("nn.quantized.", "ao.nn.quantized.", "nn.quantized.modules.")
    },
    "torch.nn.functional.multi_head_attention_forward": "multi_head_attention_forward",
    "torch.nn.TransformerEncoderLayer": "TransformerEncoderLayer",
    "torch.nn.TransformerEncoder": "TransformerEncoder",
    "torch.stft": "stft",
    "huggingface_hub.PyTorchModelHubMixin": "ModelHubMixin",
    "torch.distributions.Bernoulli": "Bernoulli",
    "torch.distributions.bernoulli.Bernoulli": "Bernoulli",
    "torch.utils.hooks.RemovableHandle": "RemovableHandle",
    "torch.nn.DataParallel": "DataParallel",
    "torch.nn.parallel.DataParallel": "DataParallel",
    "torch.nn.parallel.DistributedDataParallel": "DataParallel",
}
"""Torch's names to classes of the text."""

NAMESPACES = frozenset({"torch.distributions", "torch.distributions.bernoulli"})
