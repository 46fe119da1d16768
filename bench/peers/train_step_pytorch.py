"""Times a training step in PyTorch, on one thread or more.

    python3 bench/peers/train_step_pytorch.py [--threads 1] [--seconds 2] [network ...]

Prints one JSON object: median milliseconds per step for each network, by the keys of
bench/networks.ts, and under "MiB" the most memory that the process ever had. Without a network it
times the models of milestone 04, by the milestone's keys: bench/train_step.ts runs it so.
"""

import argparse
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn

TINY = {"momentum": 0.9, "weight_decay": 5e-4}


def conv_block(channels, filters):
    return [
        nn.Conv2d(channels, filters, 3, padding=1, bias=False),
        nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2),
    ]


def wide_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2304, 256), nn.ReLU(), nn.Linear(256, 10),
    )


def lenet_5():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def one_conv():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10)
    )


def small_lenet():
    return nn.Sequential(*conv_block(1, 8), *conv_block(8, 16), nn.Flatten(), nn.Linear(64, 10))


# The network, the shape of its batch, and what SGD is told beside the learning rate.
NETWORKS = {
    "A": (wide_cnn, (64, 3, 32, 32), {}),
    "B": (lenet_5, (64, 3, 32, 32), {}),
    "cnn": (one_conv, (32, 1, 8, 8), TINY),
    "mlp": (mlp, (32, 1, 8, 8), TINY),
    "lenet": (small_lenet, (32, 1, 8, 8), TINY),
    "one-conv": (one_conv, (32, 1, 8, 8), TINY),  # what the milestone calls "cnn"
}


def median_step(key, seconds):
    build, shape, settings = NETWORKS[key]
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, **settings)
    x, y = torch.rand(shape), torch.arange(shape[0]) % 10

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def repeat(duration, at_least):
        times, end = [], time.perf_counter() + duration
        while len(times) < at_least or time.perf_counter() < end:
            start = time.perf_counter()
            losses.append(step())
            times.append(1000 * (time.perf_counter() - start))
        return times

    losses = []
    repeat(seconds / 3, 2)
    times = repeat(2 * seconds / 3, 3)
    if not losses[-1] < losses[0]:
        raise ValueError(f"{key} does not learn: its loss went {losses[0]} -> {losses[-1]}")
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("networks", nargs="*", metavar="network")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    keys = arguments.networks or ["mlp", "one-conv", "lenet"]
    results = {key: median_step(key, arguments.seconds) for key in keys}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(json.dumps({**results, "MiB": round(peak / unit)}))


main()
