"""Frame encoder: a small convolutional network from a frame to an embedding."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class FrameEncoder(nn.Module):
    """Six convolutions over four scales, mean and maximum over positions, and a linear map to the embedding.

    The maximum detects features anywhere in the frame, the mean measures how much of the frame they fill; position is
    discarded. The embedding is batch-normalised (in inference by the statistics of the training), so that a memory
    reads numbers of unit variance.

    `encoder(frames)` takes frames [N, 3, H, W] uint8 (0 to 255), H and W of 16 or more, and returns embeddings [N,
    embedding] float32.

    Args:
        width: Channels of the first block.
        embedding: Size of an embedding.

    Examples:
        >>> encoder = FrameEncoder(width=8, embedding=16).eval()
        >>> encoder(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape
        torch.Size([2, 16])
    """

    def __init__(self, width: int = 16, embedding: int = 32) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _block(3, width, stride=2),
            _block(width, 2 * width, stride=2),
            _block(2 * width, 2 * width),
            _block(2 * width, 4 * width, stride=2),
            _block(4 * width, 4 * width),
            _block(4 * width, 6 * width, stride=2),
        )
        self.project = nn.Linear(2 * 6 * width, embedding, bias=False)
        self.normalise = nn.BatchNorm1d(embedding, affine=False)

    def forward(self, frames: Tensor) -> Tensor:
        light = frames.to(self.project.weight.dtype, memory_format=torch.channels_last).div(127.5).sub_(1.0)
        maps = self.blocks(light)  # [N, 6 width, H/16, W/16]
        places = torch.cat((maps.mean((2, 3)), maps.amax((2, 3))), 1)
        embedding: Tensor = self.normalise(self.project(places))
        return embedding

    def folded(self) -> "FrameEncoder":
        """Copy for inference whose batch normalisations of maps are part of the convolutions before them.

        Returns:
            The copy, in evaluation mode; its embeddings are equal to rounding.

        Examples:
            >>> encoder, frames = FrameEncoder().eval(), torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
            >>> torch.allclose(encoder.folded()(frames), encoder(frames), atol=1e-5)
            True
        """
        encoder = copy.deepcopy(self).eval()
        for block in encoder.blocks:
            assert isinstance(block, nn.Sequential)
            convolution, norm, _ = block
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            block[0], block[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
        return encoder


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
