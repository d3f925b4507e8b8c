"""What makes trouble on purpose: random runs that are shrunk to a story, all interleavings of a small world, and whole swarms of runs."""
