#!/usr/bin/env python3
"""Writes Tests/Fixtures/models: what PyTorch computes for the models and the DLG objective.

- parameters.json: names and shapes of the parameters and buffers of the full-size models.
- CASE.safetensors, float64, for each narrow model in CASES: logits, loss, norm and projection of
  each parameter's gradient; then, at dummy data, the matching loss, its gradients with respect to
  images and labels, and the derivative of those gradients along a direction.

Weights and data are not stored: both languages make them with `noise` below. ResNet-18, ResNet-34
and VGG-11 are torchvision's, the transformer is timm's, the others are written out here.

Needs torch, torchvision, timm, safetensors and numpy; deterministic. Run from the repository root:
    python3 scripts/make-goldens.py
"""

import json
import pathlib
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision.models import resnet18, resnet34, vgg11
from torchvision.models.resnet import BasicBlock, ResNet

torch.use_deterministic_algorithms(True)
FOLDER = pathlib.Path("Tests/Fixtures/models")


# MARK: Models


class LeNet(nn.Module):
    """Zhu et al. 2019 as the authors' repository has it."""

    def __init__(self, activation, channels, features, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 12, 5, stride=2, padding=2), activation(),
            nn.Conv2d(12, 12, 5, stride=2, padding=2), activation(),
            nn.Conv2d(12, 12, 5, stride=1, padding=2), activation(),
        )
        self.fc = nn.Sequential(nn.Linear(features, classes))

    def forward(self, x):
        return self.fc(self.body(x).flatten(1))


class MLP(nn.Module):
    def __init__(self, activation, features, width, depth, classes):
        super().__init__()
        sizes = [features] + depth * [width] + [classes]
        self.depth = depth
        self.activation = activation()
        for i, (size, next_size) in enumerate(zip(sizes, sizes[1:])):
            self.add_module(f"linear{i}", nn.Linear(size, next_size))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(self.depth):
            x = self.activation(getattr(self, f"linear{i}")(x))
        return getattr(self, f"linear{self.depth}")(x)


class ConvNet(nn.Module):
    """Geiping et al. 2020: eight convolutions, pooling by 3 after the sixth and the eighth."""

    def __init__(self, activation, channels, width, features, classes, pool):
        super().__init__()
        self.model = nn.Sequential()
        for i, multiple in enumerate([1, 2, 2, 4, 4, 4, 4, 4]):
            self.model.add_module(f"conv{i}", nn.Conv2d(channels, multiple * width, 3, padding=1))
            channels = multiple * width
            self.model.add_module(f"bn{i}", nn.BatchNorm2d(channels))
            self.model.add_module(f"relu{i}", activation())
            if i in (5, 7):
                self.model.add_module(f"pool{i}", pool(3))
        self.model.add_module("flatten", nn.Flatten())
        self.model.add_module("linear", nn.Linear(features, classes))

    def forward(self, x):
        return self.model(x)


class Subsample(nn.Module):
    """He et al. 2015, option A: every other pixel, zeros for the new channels."""

    def __init__(self, added):
        super().__init__()
        self.added = added

    def forward(self, x):
        low = self.added // 2
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, low, self.added - low))


class ResNet20(nn.Module):
    def __init__(self, activation, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.activation = activation()
        for stage in range(3):
            blocks = []
            for block in range(3):
                enters = stage > 0 and block == 0
                channels = width << stage
                blocks.append(
                    BasicBlock(
                        channels // 2 if enters else channels, channels, 2 if enters else 1,
                        Subsample(channels // 2) if enters else None,
                    )
                )
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def with_cifar_stem(model, width):
    model.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


class ComposedBatchNorm(nn.BatchNorm2d):
    """Training-mode batch norm of differentiable parts: PyTorch's own stops at second order."""

    def forward(self, x):
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
        x = (x - mean) / torch.sqrt(variance + self.eps)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class TrainingResNet18(ResNet):
    """torchvision's ResNet-18 with every layer built anew narrower, for training mode."""

    def __init__(self, width, classes):
        super().__init__(
            BasicBlock, [2, 2, 2, 2], num_classes=classes, norm_layer=ComposedBatchNorm)
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = ComposedBatchNorm(width)
        self.maxpool = nn.Identity()
        self.layer1 = self._make_layer(BasicBlock, width, 2)
        self.layer2 = self._make_layer(BasicBlock, 2 * width, 2, stride=2)
        self.layer3 = self._make_layer(BasicBlock, 4 * width, 2, stride=2)
        self.layer4 = self._make_layer(BasicBlock, 8 * width, 2, stride=2)
        self.fc = nn.Linear(8 * width, classes)


class VGG11(nn.Module):
    """torchvision's features, a global average and one fully connected layer."""

    def __init__(self, width, classes):
        super().__init__()
        self.features = vgg11().features
        channels = 3
        for i, layer in enumerate(self.features):
            if isinstance(layer, nn.Conv2d):
                narrow = layer.out_channels * width // 64
                self.features[i] = nn.Conv2d(channels, narrow, 3, padding=1)
                channels = narrow
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class ComposedLayerNorm(nn.LayerNorm):
    """Layer norm of differentiable parts: the third derivative of PyTorch 2.15's own disagrees
    with differences of its second, by 7 % in this model; that of the parts agrees."""

    def forward(self, x):
        centered = x - x.mean(-1, keepdim=True)
        deviation = torch.sqrt((centered**2).mean(-1, keepdim=True) + self.eps)
        return centered / deviation * self.weight + self.bias


def vision_transformer(width, depth, size, classes):
    model = VisionTransformer(
        img_size=size, patch_size=4, embed_dim=width, depth=depth, num_heads=3,
        num_classes=classes,
        norm_layer=partial(ComposedLayerNorm, eps=1e-6))
    for block in model.blocks:
        # PyTorch's fused attention has no second derivative.
        block.attn.fused_attn = False
    return model


def replacing_relu(model, activation):
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, activation())
    return model


FULL_SIZE = {
    "lenet": lambda: LeNet(nn.Sigmoid, 3, 768, 100),
    "mlp": lambda: MLP(nn.ReLU, 3072, 1024, 3, 10),
    "convnet": lambda: ConvNet(nn.ReLU, 3, 64, 36 * 64, 10, nn.MaxPool2d),
    "resnet18": lambda: with_cifar_stem(resnet18(num_classes=10), 64),
    "resnet20": lambda: ResNet20(nn.ReLU, 16, 10),
    "resnet34": lambda: with_cifar_stem(resnet34(num_classes=10), 64),
    "vgg11": lambda: VGG11(64, 10),
    "vit": lambda: vision_transformer(192, 6, 32, 10),
}

# name: (model, input shape of a batch, number of classes, training mode)
CASES = {
    "lenet-1": (lambda: LeNet(nn.Sigmoid, 3, 768, 100), (1, 3, 32, 32), 100, False),
    "lenet-2": (lambda: LeNet(nn.Sigmoid, 1, 12 * 3 * 2, 5), (2, 1, 10, 7), 5, False),
    "mlp": (lambda: MLP(nn.Tanh, 48, 9, 2, 5), (2, 3, 4, 4), 5, False),
    "convnet": (
        lambda: ConvNet(nn.SiLU, 3, 2, 8, 5, nn.AvgPool2d), (2, 3, 11, 9), 5, False),
    "resnet20": (lambda: ResNet20(nn.ReLU, 4, 10), (1, 3, 8, 8), 10, False),
    "resnet18-training": (
        lambda: replacing_relu(TrainingResNet18(2, 10), nn.Softplus), (2, 3, 16, 16), 10, True),
    "vgg11": (
        lambda: replacing_relu(VGG11(2, 10), nn.LeakyReLU), (1, 3, 32, 32), 10, False),
    "vit": (lambda: vision_transformer(12, 2, 8, 10), (2, 3, 8, 8), 10, False),
}


# MARK: Weights and data


def noise(shape, stream):
    """Uniform in [-1, 1): SplitMix64's finaliser of a counter, exact in every language."""
    state = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state += np.uint64(stream * 0xD1B54A32D192ED03 % 2**64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    values = (state >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
    return torch.tensor(values).reshape(shape)


def fill(name, tensor, stream):
    """Weights of a size that keeps activations alive, positive variances, scales around 1."""
    value = noise(tuple(tensor.shape), stream)
    if name.endswith("running_var"):
        value = 1 + 0.3 * value
    elif tensor.dim() >= 2:
        value = value * 2 / np.sqrt(float(np.prod(tensor.shape[1:])))
    elif name.endswith("weight"):
        value = 1 + 0.3 * value
    else:
        value = 0.2 * value
    tensor.data.copy_(value)


def buffers_of(model):
    return [(n, b) for n, b in model.named_buffers() if not n.endswith("num_batches_tracked")]


# MARK: Goldens


def gradients_of(model, images, probabilities, create_graph):
    logits = model(images)
    loss = -(probabilities * torch.log_softmax(logits, 1)).sum() / len(images)
    return logits, loss, torch.autograd.grad(
        loss, list(model.parameters()), create_graph=create_graph)


def golden(make, shape, classes, training):
    model = make().double().train(training)
    for i, (name, parameter) in enumerate(model.named_parameters()):
        fill(name, parameter, 100 + i)
    for i, (name, buffer) in enumerate(buffers_of(model)):
        fill(name, buffer, 1000 + i)
    images = 0.5 + 0.5 * noise(shape, 1)
    labels = torch.tensor([(7 * n + 3) % classes for n in range(shape[0])])
    hard = F.one_hot(labels, classes).double()
    logits, loss, targets = gradients_of(model, images, hard, False)

    dummy = noise(shape, 2).requires_grad_()
    dummy_labels = noise((shape[0], classes), 3).requires_grad_()
    _, _, candidate = gradients_of(model, dummy, torch.softmax(dummy_labels, 1), True)
    matching = sum(((c - t) ** 2).sum() for c, t in zip(candidate, targets))
    first = torch.autograd.grad(matching, [dummy, dummy_labels], create_graph=True)
    directions = [noise(shape, 4), noise((shape[0], classes), 5)]
    slope = sum((g * d).sum() for g, d in zip(first, directions))
    # The Hessian is symmetric: the gradient of the slope is the slope of the gradient.
    second = torch.autograd.grad(slope, [dummy, dummy_labels])
    return {
        "logits": logits,
        "loss": loss,
        "gradient_norms": torch.stack([g.norm() for g in targets]),
        "gradient_projections": torch.stack(
            [(g * noise(tuple(g.shape), 2000 + i)).sum() for i, g in enumerate(targets)]),
        "matching_loss": matching,
        "image_gradient": first[0],
        "label_gradient": first[1],
        "image_gradient_slope": second[0],
        "label_gradient_slope": second[1],
    }


def main():
    specs = {}
    for name, make in FULL_SIZE.items():
        model = make()
        specs[name] = {
            "parameters": [{"name": n, "shape": list(p.shape)} for n, p in model.named_parameters()],
            "buffers": [{"name": n, "shape": list(b.shape)} for n, b in buffers_of(model)],
        }
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters")
    text = json.dumps(specs, separators=(",", ":")).replace("},", "},\n")
    (FOLDER / "parameters.json").write_text(text + "\n")
    for name, case in CASES.items():
        tensors = {k: v.detach().clone().contiguous() for k, v in golden(*case).items()}
        path = FOLDER / f"{name}.safetensors"
        save_file(tensors, path)
        path.chmod(0o644)
        print(
            f"{path}: {path.stat().st_size} bytes, matching loss {tensors['matching_loss']:.3g}, "
            f"gradient {tensors['image_gradient'].norm():.3g}, "
            f"slope {tensors['image_gradient_slope'].norm():.3g}")


main()
