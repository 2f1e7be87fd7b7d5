"""What training minimises: pure formulas over embeddings, never over a model."""

from recse_lab.objectives.info_nce import info_nce as info_nce
from recse_lab.objectives.recse import Terms as Terms
from recse_lab.objectives.recse import recse_terms as recse_terms

OBJECTIVES = {"recse": recse_terms}
