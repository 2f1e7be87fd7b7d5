"""The role "view": input embeddings raised, densified and brought back to their own size, as a second view of a sentence.

The paper gives the raise X = √(xᵀ·x) and says that features are "compressed back to the original size"; how is left open.
Ours: the raised grid mixes what it was made of, and every token keeps its own mean and spread, which the layers above
were trained to expect from the norm of the embedding layer. Special tokens and padding stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.reshape.operator import EPSILON, ssqrt


def by_token_gram(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Every token becomes Σⱼ Gᵢⱼ xⱼ / Σⱼ |Gᵢⱼ| with G = ssqrt(x xᵀ / d): all tokens, by their relation to it."""
    grid = ssqrt(features @ features.transpose(1, 2) / features.shape[2])
    return (grid / grid.abs().sum(2, keepdim=True).clamp(min=EPSILON)) @ features


def by_channel_gram(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Every channel becomes Σ_l C_kl x_l / Σ_l |C_kl| with C = ssqrt(xᵀ x / n): all channels, by their relation to it."""
    count = mask.sum(1).clamp(min=1)[:, None, None]
    grid = ssqrt(features.transpose(1, 2) @ features / count)
    return features @ (grid / grid.abs().sum(2, keepdim=True).clamp(min=EPSILON)).transpose(1, 2)


def by_elementwise(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """The mean over j of G_ijk = ssqrt(x_ik)·ssqrt(x_jk): a token's channels, by the sentence's."""
    root = ssqrt(features)
    return root * (root.sum(1, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None])


def by_mean(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Control: every token becomes the mean of all, first order only."""
    return (features.sum(1, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None]).expand_as(
        features
    )


TOKEN_FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "token-gram": by_token_gram,
    "channel-gram": by_channel_gram,
    "elementwise": by_elementwise,
    "mean": by_mean,
}
"""Operator -> what it makes of a sentence's tokens; features are 0 where the mask is false."""


def reshape_tokens(
    operator: str,
    features: Float[Tensor, "batch tokens hidden"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens hidden"]:
    """Content tokens by ``operator``'s formula, each brought to its own mean and standard deviation over channels."""
    with torch.autocast(features.device.type, enabled=False):
        content = features.float() * mask[..., None]
        mixed = TOKEN_FORMULAS[operator](content, mask)
        centred = mixed - mixed.mean(2, keepdim=True)
        scale = (
            content.std(2, unbiased=False, keepdim=True)
            / (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()
        )
        fitted = centred * scale + content.mean(2, keepdim=True)
    return torch.where(mask[..., None], fitted.to(features.dtype), features)


class ReshapedTokens:
    """``reshape_tokens`` as a view of the embedding layer's output; nothing in it is random."""

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    def __init__(self, operator: str, special_ids: Int[Tensor, " special"]) -> None:
        self.operator, self.special_ids = operator, special_ids

    def __call__(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        mask: Int[Tensor, "batch tokens"],
        ids: Int[Tensor, "batch tokens"],
        *,
        seed: int,
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Edit the embeddings of padded sentences."""
        content = mask.bool() & ~torch.isin(ids, self.special_ids.to(ids.device))
        return reshape_tokens(self.operator, embeddings, content)
