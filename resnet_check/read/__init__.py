"""The two readers: a source (``static``) or a live module (``live``) in, Models out. Both draw the same graph."""
