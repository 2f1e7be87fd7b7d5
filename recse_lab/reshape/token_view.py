"""The role "view": reshaped input embeddings, of their own size, as a second view of a sentence.

Source: reCSE (arXiv:2408.04975) gives the raise X = √(xᵀ·x) and says that features are "compressed
back to the original size"; it leaves open how. Ours: the raised grid mixes the features it was
computed from, and every token keeps its own mean and spread, which the layers above expect
after the norm of the embedding layer. Special tokens and padding stay as they are.
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
    """Replace every token by Σⱼ Gᵢⱼ xⱼ / Σⱼ |Gᵢⱼ| with G = ssqrt(x xᵀ / d).

    Source: G as in ``TokenGram``; the mixing is ours.
    """
    grid = ssqrt(features @ features.transpose(1, 2) / features.shape[2])
    return (grid / grid.abs().sum(2, keepdim=True).clamp(min=EPSILON)) @ features


def by_channel_gram(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Replace every channel by Σ_l C_kl x_l / Σ_l |C_kl| with C = ssqrt(xᵀ x / n).

    Source: C as in ``ChannelGram``, without its projection; the mixing is ours.
    """
    count = mask.sum(1).clamp(min=1)[:, None, None]
    grid = ssqrt(features.transpose(1, 2) @ features / count)
    return features @ (grid / grid.abs().sum(2, keepdim=True).clamp(min=EPSILON)).transpose(1, 2)


def by_elementwise(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Replace every token by the mean over j of G_ijk = ssqrt(x_ik)·ssqrt(x_jk).

    Source: G as in ``Elementwise``; the mean over one of its token axes is ours.
    """
    root = ssqrt(features)
    return root * (root.sum(1, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None])


def by_mean(
    features: Float[Tensor, "batch tokens hidden"], mask: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens hidden"]:
    """Replace every token by the mean of all tokens: a control of first order.

    Source: ours.
    """
    return (features.sum(1, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None]).expand_as(
        features
    )


TOKEN_FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "token-gram": by_token_gram,
    "channel-gram": by_channel_gram,
    "elementwise": by_elementwise,
    "mean": by_mean,
}
"""Operator -> its formula for the tokens of a sentence; features are 0 where the mask is false."""


def reshape_tokens(
    operator: str,
    features: Float[Tensor, "batch tokens hidden"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens hidden"]:
    """Reshape the content tokens, then give each its own mean and standard deviation over channels.

    Args:
        operator: A key of ``TOKEN_FORMULAS``.
        features: Input embeddings, one per token.
        mask: True on content tokens; the others are returned as they are.

    Source: ours, as the module says.
    """
    with torch.autocast(features.device.type, enabled=False):
        own = features.float() * mask[..., None]
        mixed = TOKEN_FORMULAS[operator](own, mask)
        centred = mixed - mixed.mean(2, keepdim=True)
        spread = (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()
        scale = own.std(2, unbiased=False, keepdim=True) / spread
        fitted = centred * scale + own.mean(2, keepdim=True)
    return torch.where(mask[..., None], fitted.to(features.dtype), features)


class ReshapedTokens:
    """``reshape_tokens`` as a deterministic view of the embedding layer's output.

    Source: the positive sample of reCSE (arXiv:2408.04975), from the sentence's own features.
    """

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
        """Edit the embeddings of padded sentences; ``seed`` is ignored."""
        content_mask = mask.bool() & ~torch.isin(ids, self.special_ids.to(ids.device))
        return reshape_tokens(self.operator, embeddings, content_mask)
