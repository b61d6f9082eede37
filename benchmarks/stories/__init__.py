"""Stories with questions: read from files, told by a small world, and learned from.

It lies beside the benchmarks and not in wolfdog: the library's memory networks know numbers of words, and what is here
serves one experiment.
"""
