"""A small study as YAML, to be read with one mistake or variation."""

GRAM = '{name: gram, sweep: {reshape.dim: [2, 4], mask: {"a": {}, "b": {model.pooling: mean}}}'


def study_text(old="", new=""):
    """A study as YAML, with one replacement. Its third arm is in line 10, its report in line 13."""
    text = f"""name: small
question: Does p matter?
cost: seconds
base:
  encoder: recse-lab/tiny
  reshape: {{projection: 8, dim: 4}}
arms:
  - {{name: SimCSE, role: reference, seeds: [0]}}
  - {{name: mean, role: control}}
  - {GRAM}}}
seeds: 3
quick: {{sweep: {{reshape.dim: [2]}}}}
report: {{x: reshape.dim, against: SimCSE}}
"""
    assert old in text
    return text.replace(old, new) if old else text
