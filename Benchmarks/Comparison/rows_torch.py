"""One evaluation of the DLG objective and its gradient with respect to (dummy input, dummy label) in
PyTorch eager. Prints one JSON line a row: name, batch, median and quartiles in ms, peak memory in MB.

usage: python Benchmarks/Comparison/rows_torch.py ROW:BATCH:REPEATS ... [--threads N]      needs: torch
"""
import argparse
import json
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.Sigmoid
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 5, padding=2, stride=2), act(),
            nn.Conv2d(12, 12, 5, padding=2, stride=2), act(),
            nn.Conv2d(12, 12, 5, padding=2, stride=1), act())
        self.fc = nn.Linear(768, 100)

    def forward(self, x):
        return self.fc(self.body(x).flatten(1))


class Bottleneck(nn.Module):
    """torchvision's, of ResNet-50."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c3, self.b3 = nn.Conv2d(o, 4 * o, 1, bias=False), nn.BatchNorm2d(4 * o)
        self.shortcut = nn.Sequential()
        if stride != 1 or i != 4 * o:
            self.shortcut = nn.Sequential(nn.Conv2d(i, 4 * o, 1, stride, bias=False), nn.BatchNorm2d(4 * o))

    def forward(self, x):
        y = F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))))
        return F.relu(self.b3(self.c3(y)) + self.shortcut(x))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(o)
        self.c2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(o)
        self.shortcut = nn.Sequential()
        if stride != 1 or i != o:
            self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.c = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.b = nn.BatchNorm2d(64)
        layers, i = [], 64
        for o, stride in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]:
            layers.append(Block(i, o, stride))
            i = o
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        return self.fc(self.layers(F.relu(self.b(self.c(x)))).mean((2, 3)))


class ImageNetResNet(nn.Module):
    """With the stem for ImageNet: a 7x7 convolution of stride 2 and a pooling."""

    def __init__(self, block, blocks, expansion):
        super().__init__()
        self.c, self.b = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        layers, i = [], 64
        for stage, count in enumerate(blocks):
            for index in range(count):
                o = 64 << stage
                layers.append(block(i, o, 2 if stage > 0 and index == 0 else 1))
                i = expansion * o
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(i, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.b(self.c(x))), 3, 2, 1)
        return self.fc(self.layers(x).mean((2, 3)))


class Attention(nn.Module):
    """Written out: fused attention has no second derivative."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (d // self.heads) ** -0.5) @ k.transpose(-2, -1)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Encoder(nn.Module):
    """Six blocks of width 256, four heads, on embeddings [N, 1, 32, 256]; the mean is classified."""

    def __init__(self, width=256, heads=4, depth=6, classes=10):
        super().__init__()
        self.blocks = nn.Sequential(*[TransformerBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.norm(self.blocks(x.squeeze(1))).mean(1))


class ViT(nn.Module):
    """gradleak's `vit`: patches of 4, width 192, six blocks, three heads."""

    def __init__(self, width=192, heads=3, depth=6, classes=10, patch=4, tokens=65):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*[TransformerBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


ROWS = {
    "lenet": (LeNet, (3, 32, 32), 100),
    "resnet18": (ResNet18, (3, 32, 32), 10),
    "encoder": (Encoder, (1, 32, 256), 10),
    "vit": (ViT, (3, 32, 32), 10),
    "resnet18-224": (lambda: ImageNetResNet(Block, [2, 2, 2, 2], 1), (3, 224, 224), 1000),
    "resnet50-224": (lambda: ImageNetResNet(Bottleneck, [3, 4, 6, 3], 4), (3, 224, 224), 1000),
    "vit-b16-224": (lambda: ViT(768, 12, 12, 1000, 16, 197), (3, 224, 224), 1000),
}


def soft_cross_entropy(logits, target):
    return torch.mean(torch.sum(-target * F.log_softmax(logits, -1), 1))


def run(name, batch, repeats):
    torch.set_default_dtype(torch.float64 if name.endswith("-f64") else torch.float32)
    make, shape, classes = ROWS[name.removesuffix("-f64")]
    net = make().eval()
    parameters = list(net.parameters())
    x = torch.rand(batch, *shape)
    y = F.one_hot(torch.randint(0, classes, (batch,)), classes).to(x.dtype)
    target = [g.detach() for g in torch.autograd.grad(soft_cross_entropy(net(x), y), parameters)]
    dummy = torch.randn(batch, *shape, requires_grad=True)
    label = torch.randn(batch, classes, requires_grad=True)

    def step():
        loss = soft_cross_entropy(net(dummy), F.softmax(label, -1))
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        distance = 0
        for a, b in zip(gradients, target):
            distance = distance + ((a - b) ** 2).sum()
        return torch.autograd.grad(distance, [dummy, label])

    for _ in range(3):
        step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    quantile = lambda q: times[min(int(q * len(times)), len(times) - 1)]
    print(json.dumps({
        "engine": "pytorch " + torch.__version__, "row": name, "batch": batch,
        "median_ms": quantile(0.5), "quartiles_ms": [quantile(0.25), quantile(0.75)],
        "repeats": repeats,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for row in arguments.rows:
        name, batch, repeats = row.split(":")
        run(name, int(batch), int(repeats))
