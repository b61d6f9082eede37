"""Published results on sequences: tasks, music, training, and the papers' figures."""
