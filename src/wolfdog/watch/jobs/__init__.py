"""Jobs over many files: a journal, parts of results, and worker processes."""
