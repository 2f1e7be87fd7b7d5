"""What training minimises: pure formulas over embeddings, never over a model.

Each module holds a formula as a function, and the contrast that carries its settings.
"""

from recse_lab.objectives.adnce import ADNCE as ADNCE
from recse_lab.objectives.arc_con import ArcCon as ArcCon
from recse_lab.objectives.contrast import Contrast as Contrast
from recse_lab.objectives.info_nce import InfoNCE as InfoNCE
from recse_lab.objectives.info_nce import info_nce as info_nce
from recse_lab.objectives.nt_xent import NTXent as NTXent
from recse_lab.objectives.off_dropout import OffDropout as OffDropout
from recse_lab.objectives.recse import LossTerms as LossTerms
from recse_lab.objectives.recse import recse_terms as recse_terms
from recse_lab.objectives.supervised import Supervised as Supervised

CONTRASTS: dict[str, type[Contrast]] = {
    "info-nce": InfoNCE,
    "adnce": ADNCE,
    "nt-xent": NTXent,
    "supervised": Supervised,
    "arc-con": ArcCon,
    "off-dropout": OffDropout,
}
"""Contrasts: name -> class. A new one is one file and one line here."""
