"""The mobile space of Fair DARTS: a chain of inverted bottlenecks.

Fair DARTS calls it S2 and searches it on ImageNet: 19 layers with a kernel of
3, 5 or 7 and an expansion of 3 or 6, or a skip. The authors never released
this space. The channels and strides here are a reconstruction from the
19-layer networks that the same group published as FairNAS (Chu et al.,
arXiv:1907.01845).

Source: Chu et al., Fair DARTS, arXiv:1911.12126.
"""

from tfnas.spaces.chain import Chain

SPACE = Chain(
    name="mobile",
    stages=(
        (32, 2, 2),
        (40, 2, 4),
        (80, 2, 4),
        (96, 1, 4),
        (192, 2, 4),
        (320, 1, 1),
    ),
    stem=32,
    first=16,
    last=1280,
)
