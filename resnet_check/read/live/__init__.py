"""The live reader: the user's file is run in a process of its own, apart from everything. Only that process imports torch."""
