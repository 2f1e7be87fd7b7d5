"""What recse-lab costs, beside sentence-transformers and against its own targets: ``python -m
benchmarks``.
"""
