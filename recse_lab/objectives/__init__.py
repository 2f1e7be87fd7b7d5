"""What training minimises: pure formulas over embeddings, never over a model."""

from recse_lab.objectives.adnce import ADNCE
from recse_lab.objectives.arc_con import ArcCon
from recse_lab.objectives.contrast import Contrast as Contrast
from recse_lab.objectives.info_nce import InfoNCE as InfoNCE
from recse_lab.objectives.info_nce import info_nce as info_nce
from recse_lab.objectives.nt_xent import NTXent
from recse_lab.objectives.recse import Terms as Terms
from recse_lab.objectives.recse import recse_terms as recse_terms
from recse_lab.objectives.supervised import Supervised

CONTRASTS: dict[str, type[Contrast]] = {
    "info-nce": InfoNCE,
    "adnce": ADNCE,
    "nt-xent": NTXent,
    "supervised": Supervised,
    "arc-con": ArcCon,
}
"""Contrasts: name -> class. A new one is one file and one line here."""
