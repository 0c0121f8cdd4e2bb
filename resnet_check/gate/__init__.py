"""The gate: what a model is, written down, so that a change of it is seen."""
