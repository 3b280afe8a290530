# Made e5m6.safetensors with PyTorch: numbers rounded to five bits of exponent and six of fraction (as IEEE has it: bias 15, subnormal
# numbers, the largest exponent left to infinity; magnitudes above 65024 become 65024), and rows in tiles of 128 with a power of two
# as scale: the least with which the tile's largest magnitude (1e-4 at least) fits. Usage: make_e5m6.py casts.safetensors e5m6.safetensors
import sys

import torch
from safetensors.torch import load_file, save_file

LARGEST = 65024.0


def rounded(x):
    wide = x.double()
    exponent = torch.frexp(wide)[1] - 1  # of the leading bit
    step = torch.ldexp(torch.ones_like(wide), torch.clamp(exponent, min=-14) - 6)
    return torch.clamp(torch.round(wide / step) * step, -LARGEST, LARGEST).float()  # torch.round: ties to even


def tiles(x, largest, rounding):
    parts = x.reshape(x.shape[0], -1, 128)
    needed = torch.clamp(parts.abs().amax(dim=2, keepdim=True), min=1e-4) / largest
    fraction, exponent = torch.frexp(needed)
    scale = torch.ldexp(torch.ones_like(needed), torch.where(fraction == 0.5, exponent - 1, exponent))
    return (rounding(parts / scale) * scale).reshape(x.shape)


def e4m3(x):
    return torch.clamp(x, -448, 448).to(torch.float8_e4m3fn).float()


torch.manual_seed(5)
signs = torch.randint(0, 2, (3000,)) * 2 - 1
wide = torch.pow(2.0, torch.rand(3000, dtype=torch.float64) * 44 - 27) * signs
ties = (torch.arange(64, 128).double() + 0.5) * 2.0**-3
small = torch.arange(0, 200).double() * 2.0**-22
edges = torch.tensor([0.0, -0.0, 65024, 65025, 65279, 65280, 65535, 1e9, 2.0**-14, 2.0**-20, 2.0**-21, 1.5 * 2.0**-20])
x = torch.cat([wide, ties, -ties, small, -small, edges]).float()
act = load_file(sys.argv[1])["act.x"]
save_file({"x": x, "rounded": rounded(x), "act.x": act, "act.e5m6": tiles(act, LARGEST, rounded), "act.e4m3": tiles(act, 448.0, e4m3)}, sys.argv[2])
