"""Classes that a memory was not trained on: their context probability is the snapshot's."""

import torch
from torch import Tensor


def left_to_snapshot(context: Tensor, snapshot: Tensor, unremembered: Tensor) -> Tensor:
    """Context logits in which the classes that the memory never saw have the snapshot's probability.

        p_k = s_k                                        for a class k that the memory never saw
        p_k = c_k / sum of seen c * (1 - sum of unseen s)    for others

    where s and c are the softmax of the snapshot and of the context.

    Args:
        context: Logits [..., K].
        snapshot: Logits [..., K].
        unremembered: [K] bool, whether the memory never saw the class.

    Returns:
        Logits [..., K]; the context's own where no class is unremembered.

    Examples:
        >>> unseen = torch.tensor([False, False, True])
        >>> left_to_snapshot(torch.zeros(3), torch.tensor([0.0, 0.0, 9.0]), unseen).softmax(-1).argmax().item()
        2
    """
    if not bool(unremembered.any()):
        return context
    if bool(unremembered.all()):
        return snapshot
    alone = snapshot.log_softmax(-1)
    others = torch.where(unremembered, -torch.inf, alone).logsumexp(-1, keepdim=True)
    seen = context.masked_fill(unremembered, -torch.inf).log_softmax(-1) + others
    return torch.where(unremembered, alone, seen)
