import pytest
import torch


@pytest.mark.parametrize("kind", ["number", "class", "symbols"])
def test_right_outputs_are_not_wrong_and_others_are(kind, rng):
    from published import synthetic, tasks

    draw = {"number": lambda r, n: tasks.adding(r, n, length=12), "class": tasks.temporal_order}
    batch = draw.get(kind, tasks.embedded_reber)(rng, 6)
    if kind == "class":
        right = 9 * torch.nn.functional.one_hot(batch.targets, 8).float()
    else:
        right = batch.targets if kind == "number" else 9 * (batch.targets - 0.5)

    class Said(torch.nn.Module):
        def __init__(self, outputs):
            super().__init__()
            self.outputs = outputs

        def forward(self, events, lengths=None):
            return self.outputs

    assert not synthetic.wrong(kind, Said(right), batch, 0.04).any()
    spoilt = right.clone()
    last = int(batch.lengths[2]) - 1
    spoilt[last, 2] = -spoilt[last, 2] - 0.1
    assert synthetic.wrong(kind, Said(spoilt), batch, 0.04).tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
