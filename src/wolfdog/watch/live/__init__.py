"""Live page: sources that are watched as they come, a server on the machine, and a page in the browser."""
