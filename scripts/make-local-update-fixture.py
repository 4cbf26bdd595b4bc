#!/usr/bin/env python3
"""A client's weight difference after real PyTorch training in f32, for `gradleak reconstruct --update`.

    python3 scripts/make-local-update-fixture.py     # needs torch, safetensors, pillow

LeNet on two pictures of 8x8 pixels: 2 epochs of mini-batches of 1 with torch.optim.SGD, as a training
loop would have it. Writes the weights before, the difference after minus before, and the pictures.
"""
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

OUT = Path(__file__).parent.parent / "Tests/Fixtures/local-update"
OUT.mkdir(exist_ok=True)
torch.manual_seed(3)
torch.use_deterministic_algorithms(True)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 5, stride=2, padding=2), nn.Sigmoid(),
            nn.Conv2d(12, 12, 5, stride=2, padding=2), nn.Sigmoid(),
            nn.Conv2d(12, 12, 5, stride=1, padding=2), nn.Sigmoid(),
        )
        self.fc = nn.Sequential(nn.Linear(48, 5))

    def forward(self, x):
        return self.fc(self.body(x).flatten(1))


model = LeNet()
for parameter in model.parameters():  # as the paper's code has it
    parameter.data.uniform_(-0.5, 0.5)
before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
for name, picture in zip("ab", pixels):
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(OUT / f"{name}.png")
images, labels = pixels.float() / 255, torch.tensor([3, 1])

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
for _ in range(2):
    for image, label in zip(images.split(1), labels.split(1)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(image), label).backward()
        optimizer.step()

difference = {name: tensor - before[name] for name, tensor in model.state_dict().items()}
save_file(before, OUT / "weights.safetensors")
save_file(difference, OUT / "difference.safetensors")
