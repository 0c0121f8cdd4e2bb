"""The rules: one file each, with its page and its examples in it."""
