"""Text to one vector per sentence."""

from recse_lab.models.packaged import PACKAGED as PACKAGED
from recse_lab.models.saving import load_encoder as load_encoder
from recse_lab.models.transformer import TransformerEncoder as TransformerEncoder
from recse_lab.pooling import POOLINGS as POOLINGS
