"""The watcher's network: frame classifier, memory, context head."""
