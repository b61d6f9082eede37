"""Files in object storage, read and written through fsspec."""
