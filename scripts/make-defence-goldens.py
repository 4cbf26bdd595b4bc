"""Writes Tests/Fixtures/defences/goldens.safetensors: what PyTorch makes of rounding, quantisation,
pruning and deep gradient compression, and transforms.safetensors, what Pillow makes of the image
transformations. Run from the repository's root."""
import torch
from safetensors.torch import save_file

generator = torch.Generator().manual_seed(7)


def normal(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64).float()


# Numbers over the whole range of each type, its subnormals and exact ties among them.
wide = normal(4000) * torch.exp2(torch.randint(-30, 30, (4000,), generator=generator).float())
ties = torch.arange(-600, 600).float() / 64
values = torch.cat([wide, ties, torch.tensor([0.0, 2.0**-9, 2.0**-10, 2.0**-24, 2.0**-25])])
goldens = {"values": values}
for name, dtype in [
    ("fp16", torch.float16),
    ("bf16", torch.bfloat16),
    ("fp8-e4m3", torch.float8_e4m3fn),
    ("fp8-e5m2", torch.float8_e5m2),
]:
    largest = torch.finfo(dtype).max
    goldens[name] = values.clamp(-largest, largest).to(dtype).float()

gradient = normal(37, 11) * 0.02
goldens["gradient"] = gradient
double = gradient.double()
step = (double.max() - double.min()) / 255
goldens["int8"] = double.min() + torch.round((double - double.min()) / step) * step
for share in ["0.3", "0.75"]:
    count = int(float(share) * gradient.numel())
    threshold = gradient.abs().flatten().kthvalue(count).values
    goldens[f"prune-{share}"] = torch.where(gradient.abs() > threshold, gradient, 0)
kept = gradient.flatten().abs().topk(41).indices
goldens["top-k-0.1"] = torch.zeros(gradient.numel()).scatter(
    0, kept, gradient.flatten()[kept]
).reshape(gradient.shape)

# Lin et al. 2018, algorithm 4, three rounds.
velocity = torch.zeros(50, dtype=torch.float64)
accumulated = torch.zeros(50, dtype=torch.float64)
for round in range(3):
    gradient = normal(50)
    velocity = 0.9 * velocity + gradient
    accumulated = accumulated + velocity
    mask = torch.zeros(50, dtype=torch.bool)
    mask[accumulated.abs().topk(5).indices] = True
    goldens[f"dgc-gradient-{round}"] = gradient
    goldens[f"dgc-sent-{round}"] = torch.where(mask, accumulated, 0)
    velocity = torch.where(mask, 0, velocity)
    accumulated = torch.where(mask, 0, accumulated)

# DP-SGD without noise: the mean of clipped gradients.
examples = normal(4, 30) * torch.tensor([0.01, 0.1, 1.0, 3.0])[:, None]
norms = examples.double().norm(dim=1, keepdim=True)
goldens["examples"] = examples
goldens["clipped-mean"] = (examples.double() * (0.8 / norms).clamp(max=1)).mean(0)
save_file({k: v.contiguous() for k, v in goldens.items()}, "Tests/Fixtures/defences/goldens.safetensors")

# The transformations of Gao et al. 2021 by Pillow, whose 8-bit arithmetic the authors use.

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

pixels = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)
picture = Image.fromarray(pixels).resize((24, 16), Image.BICUBIC)


def planes(image):
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).astype(np.float32).copy())


def affine(image, matrix, resample=Image.NEAREST):
    return image.transform(image.size, Image.AFFINE, matrix, resample, fillcolor=(0, 0, 0))


def rotated(image, degrees):
    turned = image.convert("RGBA").rotate(degrees)
    return Image.composite(turned, Image.new("RGBA", turned.size, (128,) * 4), turned).convert("RGB")


shift = 150 / 331
transforms = {"transform-input": planes(picture)}
for sign in [-1, 1]:
    for name, kind, level in [
        ("color", ImageEnhance.Color, 5), ("contrast", ImageEnhance.Contrast, 6),
        ("brightness", ImageEnhance.Brightness, 9), ("sharpness", ImageEnhance.Sharpness, 9),
    ]:
        strength = 1 + sign * 0.5 * level / 9
        transforms[f"{name}-{level}-{sign}"] = planes(kind(picture).enhance(strength))
    width, height = picture.size
    transforms[f"translateX-9-{sign}"] = planes(
        affine(picture, (1, 0, sign * shift * width, 0, 1, 0)))
    transforms[f"translateY-3-{sign}"] = planes(
        affine(picture, (1, 0, 0, 0, 1, sign * shift / 3 * height)))
    transforms[f"shearY-5-{sign}"] = planes(
        affine(picture, (1, 0, 0, sign * 0.3 * 5 / 9, 1, 0), Image.BICUBIC))
transforms["rotate-2-1"] = planes(rotated(picture, 30 * 2 / 9))
transforms["posterize-5-1"] = planes(
    ImageOps.posterize(picture, int(np.round(np.linspace(8, 4, 10), 0)[5])))
transforms["solarize-4-1"] = planes(ImageOps.solarize(picture, np.linspace(256, 0, 10)[4]))
transforms["autocontrast-0-1"] = planes(ImageOps.autocontrast(picture))
transforms["equalize-0-1"] = planes(ImageOps.equalize(picture))
transforms["invert-0-1"] = planes(ImageOps.invert(picture))
save_file(transforms, "Tests/Fixtures/defences/transforms.safetensors")
