"""Do the intervals and tests of recse-lab do what they say? Simulated studies whose truth is
known.
"""
