"""What is said of torch in Python: attention, transformers and spectrograms have torch's shapes and parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from resnet_check.graph.dim import value
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = "import itertools, json\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"

TEXTS = {
    "attention over positions": """
class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 32, 32)
        self.q, self.k, self.v, self.c = (nn.Linear(16, 16) for _ in range(4))
    def forward(self, x):
        x = self.conv(x).flatten(2).permute(2, 0, 1)
        x = torch.cat([x.mean(0, keepdim=True), x])
        x, weights = F.multi_head_attention_forward(
            query=x[:1], key=x, value=x, embed_dim_to_check=16, num_heads=4, in_proj_weight=None,
            in_proj_bias=torch.cat([self.q.bias, self.k.bias, self.v.bias]), bias_k=None, bias_v=None,
            add_zero_attn=False, dropout_p=0, out_proj_weight=self.c.weight, out_proj_bias=self.c.bias,
            use_separate_proj_weight=True, q_proj_weight=self.q.weight, k_proj_weight=self.k.weight,
            v_proj_weight=self.v.weight, training=self.training, need_weights=True,
        )
        return x[0], weights
""",
    "a transformer behind a convolution": """
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 32, 32)
        layer = nn.TransformerEncoderLayer(16, 4, 24, activation="gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(16), enable_nested_tensor=False)
    def forward(self, x):
        return self.body(self.conv(x).flatten(2).transpose(1, 2))
""",
    "a spectrogram": """
class Heard(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.conv = nn.Conv2d(1, 4, 3)
    def forward(self, x):
        x = torch.stft(x, 64, 16, window=self.window, return_complex=True).abs()
        return self.conv(torch.log1p(x).unsqueeze(1))
""",
    "chains and texts of JSON": """
class Chained(nn.Module):
    def __init__(self):
        super().__init__()
        widths = json.loads("[3, 8, 16]")
        pairs = ((nn.Conv2d(a, b, 3), nn.ReLU()) for a, b in itertools.pairwise(widths))
        self.body = nn.Sequential(*itertools.chain.from_iterable(pairs))
    def forward(self, x):
        return self.body(x)
""",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_equals_torch(text: str) -> None:
    (model,) = read(parse_source("net.py", (HEAD + text).encode())).models
    namespace: dict[str, Any] = {}
    exec(HEAD + text, namespace)  # noqa: S102 - the text above
    net = namespace[model.name]().eval()
    assert isinstance(net, nn.Module)
    assert (model.status, model.unknown) == ("complete", [])
    assert model.params == sum(p.numel() for p in net.parameters())
    with torch.no_grad():
        output = net(torch.rand([value(size) for size in model.input]))
    expected = model.output if isinstance(model.output, list) else [model.output]
    live = output if isinstance(output, tuple) else [output]
    assert [tuple(map(value, shape)) for shape in expected] == [tuple(t.shape) for t in live]


def test_a_network_that_hears() -> None:
    text = """
import torchaudio
class Heard(nn.Module):
    def __init__(self):
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, win_length=400, hop_length=160, n_mels=40)
        self.decibel = torchaudio.transforms.AmplitudeToDB()
        self.conv = nn.Conv1d(40, 8, 1)
    def forward(self, x):
        return self.conv(self.decibel(self.mel(x)))
"""
    (model,) = read(parse_source("net.py", (HEAD + text).encode())).models
    assert (model.status, model.params, str(model.output)) == ("complete", 328, "(N, 8, L // 160 + 1)")
    assert model.accepted == [(257, 1024)]
