"""Torchaudio's transforms that models begin with, as text for the reader (see `prelude`): what they do to the shape."""

from __future__ import annotations

TEXT = """
import torch
from torch import nn


class Spectrogram(nn.Module):
    def __init__(self, n_fft=400, win_length=None, hop_length=None, pad=0, window_fn=None, power=2.0, normalized=False,
                 wkwargs=None, center=True, pad_mode="reflect", onesided=True, return_complex=None):
        super().__init__()
        self.n_fft = n_fft
        self.win_length = win_length if win_length is not None else n_fft
        self.hop_length = hop_length if hop_length is not None else self.win_length // 2
        self.pad = pad
        self.center = center
        self.pad_mode = pad_mode
        self.onesided = onesided
        self.register_buffer("window", torch.ones(self.win_length))

    def forward(self, waveform):
        if self.pad > 0:
            waveform = nn.functional.pad(waveform, (self.pad, self.pad))
        settings = (self.hop_length, self.win_length, self.window, self.center, self.pad_mode, False, self.onesided)
        return torch.stft(waveform, self.n_fft, *settings, return_complex=True).abs()


class MelScale(nn.Module):
    def __init__(self, n_mels=128, sample_rate=16000, f_min=0.0, f_max=None, n_stft=201, norm=None, mel_scale="htk"):
        super().__init__()
        self.n_mels = n_mels
        self.register_buffer("fb", torch.ones(n_stft, n_mels))

    def forward(self, specgram):
        return torch.matmul(specgram.transpose(-1, -2), self.fb).transpose(-1, -2)


class MelSpectrogram(nn.Module):
    def __init__(self, sample_rate=16000, n_fft=400, win_length=None, hop_length=None, f_min=0.0, f_max=None, pad=0,
                 n_mels=128, window_fn=None, power=2.0, normalized=False, wkwargs=None, center=True,
                 pad_mode="reflect", onesided=None, norm=None, mel_scale="htk"):
        super().__init__()
        self.n_mels = n_mels
        self.spectrogram = Spectrogram(n_fft, win_length, hop_length, pad, center=center, pad_mode=pad_mode)
        self.mel_scale = MelScale(n_mels, sample_rate, f_min, f_max, n_fft // 2 + 1)

    def forward(self, waveform):
        return self.mel_scale(self.spectrogram(waveform))


class MFCC(nn.Module):
    def __init__(self, sample_rate=16000, n_mfcc=40, dct_type=2, norm="ortho", log_mels=False, melkwargs=None):
        super().__init__()
        self.MelSpectrogram = MelSpectrogram(sample_rate, **(melkwargs or {}))
        self.register_buffer("dct_mat", torch.ones(self.MelSpectrogram.n_mels, n_mfcc))

    def forward(self, waveform):
        mel = self.MelSpectrogram(waveform)
        return torch.matmul(mel.transpose(-1, -2), self.dct_mat).transpose(-1, -2)


class AmplitudeToDB(nn.Module):
    def __init__(self, stype="power", top_db=None):
        super().__init__()

    def forward(self, x):
        return torch.log10(x)


class Masking(nn.Module):
    def __init__(self, mask_param, iid_masks=False, p=1.0):
        super().__init__()

    def forward(self, specgram, mask_value=0.0):
        return specgram * 1.0
"""

LAYERS = ("Spectrogram", "MelScale", "MelSpectrogram", "MFCC", "AmplitudeToDB")

PLACES = {
    **{f"torchaudio.transforms.{name}": name for name in LAYERS},
    **{f"torchaudio.transforms.{name}": "Masking" for name in ("FrequencyMasking", "TimeMasking")},
}
"""Torchaudio's names to those of the text."""

NAMESPACES = frozenset({"torchaudio.transforms"})
