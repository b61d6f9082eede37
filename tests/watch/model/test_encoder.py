import pytest
import torch
from torch import nn

from wolfdog.watch.model.encoder import FrameEncoder


@pytest.fixture
def encoder():
    """Encoder whose normalisations have statistics, scales and shifts of their own."""
    generator = torch.Generator().manual_seed(0)
    encoder = FrameEncoder(width=4, embedding=8).eval()
    for norm in encoder.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2, generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
            with torch.no_grad():
                norm.weight.uniform_(0.5, 2, generator=generator)
                norm.bias.normal_(0, 0.5, generator=generator)
    return encoder


def test_a_folded_encoder_gives_the_same_embeddings_and_leaves_the_first_as_it_was(encoder):
    frames = torch.randint(0, 256, (5, 3, 32, 48), dtype=torch.uint8)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    folded = encoder.folded()
    torch.testing.assert_close(folded(frames), encoder(frames), atol=1e-5, rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not folded.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name])
    with torch.no_grad():
        encoder.blocks[0][1].bias.add_(1.0)
    assert not torch.allclose(encoder.folded()(frames), folded(frames), atol=1e-3)


def test_frames_are_not_changed(encoder):
    frames = torch.full((1, 3, 16, 16), 100.0).contiguous(memory_format=torch.channels_last)
    encoder(frames)
    assert bool((frames == 100).all())
