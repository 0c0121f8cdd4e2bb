"""The static reader: an abstract interpreter of the Python that model code is written in.

It evaluates module-level code, classes, ``__init__`` and ``forward`` on real integers, strings, lists and dicts, on module
objects, and on tensors that are only a Shape. What it does not understand is `Opaque`, which spreads and silences.
Nothing of a file is ever executed or imported.
"""
