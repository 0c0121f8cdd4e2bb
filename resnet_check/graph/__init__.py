"""The one picture of a model: Dims, Shapes, Guards, Ops, Models, and the table of operators. Imports nothing of the package."""
