"""Text to one vector per sentence."""

from recse_lab.encoders.embedded import EMBEDDED as EMBEDDED
from recse_lab.encoders.pooling import POOLINGS as POOLINGS
from recse_lab.encoders.transformer import TransformerEncoder as TransformerEncoder
from recse_lab.encoders.transformer import load_encoder as load_encoder
