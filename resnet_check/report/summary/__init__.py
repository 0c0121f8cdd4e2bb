"""The summary of a model: its modules as rows (`rows`), drawn as a table (`table`) or as JSON (`data`)."""
