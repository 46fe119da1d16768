"""The models and the recipe of milestone 04, part 1, in PyTorch, on the same split.

    python3 bench/peers/tinydigits_pytorch.py [seeds]

Prints accuracy and accuracy under a shift of one pixel, mean and standard deviation over seeds:
the independent figures beside milestones/04_1998_cnn/tinydigits_calibration.json.
"""

import math
import pathlib
import statistics
import struct
import sys

import torch
from torch import nn

torch.set_num_threads(1)
FOLDER = pathlib.Path(__file__).parents[2] / "datasets" / "tinydigits"
EPOCHS, BATCH, RATE = 30, 32, 0.05


def read(part):
    images = (FOLDER / f"{part}-images-idx3-ubyte").read_bytes()
    labels = (FOLDER / f"{part}-labels-idx1-ubyte").read_bytes()
    count, height, width = struct.unpack(">III", images[4:16])
    x = torch.tensor(list(images[16:]), dtype=torch.float32).reshape(count, 1, height, width) / 16
    return x, torch.tensor(list(labels[8:]))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )


def unpooled():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Flatten(), nn.Linear(1024, 10),
    )


def mlp(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def one_conv():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10)
    )


MODELS = {
    "mlp": lambda: mlp(32),
    "wide": lambda: mlp(128),
    "one-conv": one_conv,
    "unpooled": unpooled,
    "lenet": lenet,
    "frozen": lenet,
}


def shifted(x, dy, dx):
    moved = torch.zeros_like(x)
    height, width = x.shape[2:]
    moved[:, :, max(dy, 0):height + min(dy, 0), max(dx, 0):width + min(dx, 0)] = (
        x[:, :, max(-dy, 0):height + min(-dy, 0), max(-dx, 0):width + min(-dx, 0)]
    )
    return moved


def run(key, seed, train, test):
    torch.manual_seed(seed)
    model = MODELS[key]()
    if key == "frozen":
        for layer in model:
            if isinstance(layer, nn.Conv2d):
                layer.weight.requires_grad_(False)
    kept = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(kept, lr=RATE, momentum=0.9, weight_decay=5e-4)
    x, y = train
    steps, step = EPOCHS * math.ceil(len(y) / BATCH), 0
    for _ in range(EPOCHS):
        order = torch.randperm(len(y))
        for start in range(0, len(y), BATCH):
            at = order[start:start + BATCH]
            optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
            step += 1
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[at]), y[at]).backward()
            optimizer.step()
    model.eval()
    x, y = test
    with torch.no_grad():
        def right(images):
            return (model(images).argmax(1) == y).float().mean().item()

        moves = [(0, 1), (0, -1), (1, 0), (-1, 0)]
        return right(x), statistics.mean(right(shifted(x, dy, dx)) for dy, dx in moves)


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    train, test = read("train"), read("test")
    for key in MODELS:
        runs = [run(key, seed, train, test) for seed in range(101, 101 + seeds)]
        (accuracy, spread), (moved, moved_spread) = (
            (100 * statistics.mean(column), 100 * statistics.stdev(column)) for column in zip(*runs)
        )
        print(f"{key:9} {accuracy:.2f} ± {spread:.2f} %   shifted {moved:.1f} ± {moved_spread:.1f} %")


main()
