"""Times a training step of the TinyDigits models in PyTorch, on one thread.

Prints one JSON object: median milliseconds per step for each model. bench/train_step.ts runs it.
"""

import json
import statistics
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)


def conv_block(channels, filters):
    return [
        nn.Conv2d(channels, filters, 3, padding=1, bias=False),
        nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2),
    ]


MODELS = {
    "mlp": nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    "one-conv": nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10)
    ),
    "lenet": nn.Sequential(*conv_block(1, 8), *conv_block(8, 16), nn.Flatten(), nn.Linear(64, 10)),
}


def median_step(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    x, y = torch.rand(32, 1, 8, 8), torch.arange(32) % 10

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    for _ in range(100):
        step()
    times = []
    for _ in range(500):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


print(json.dumps({key: median_step(model) for key, model in MODELS.items()}))
