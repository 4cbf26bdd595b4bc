"""The rows of rows_torch.py in JAX, compiled by jax.jit.

usage: python Benchmarks/Comparison/rows_jax.py ROW:BATCH:REPEATS ...      needs: jax
"""
import json
import resource
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

rng = np.random.default_rng(0)


def weight(*shape, scale=0.05):
    return (scale * rng.normal(size=shape)).astype("f")


def conv(x, w, stride, padding):
    return lax.conv_general_dilated(
        x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"))


def lenet_parameters():
    shapes = [(12, 3, 5, 5), (12,), (12, 12, 5, 5), (12,), (12, 12, 5, 5), (12,), (768, 100), (100,)]
    return [rng.uniform(-0.5, 0.5, s).astype("f") for s in shapes]


def lenet(p, x):
    for i, stride in enumerate((2, 2, 1)):
        x = jax.nn.sigmoid(conv(x, p[2 * i], stride, 2) + p[2 * i + 1][None, :, None, None])
    return x.reshape(x.shape[0], -1) @ p[6] + p[7]


RESNET = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1),
          (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]


def resnet_parameters():
    def c(o, i, k):
        return weight(o, i, k, k, scale=np.sqrt(2 / (i * k * k)))

    def b(o):
        return [np.ones(o, "f"), np.zeros(o, "f")]

    p = [c(64, 3, 3), *b(64)]
    for i, o, stride in RESNET:
        p += [c(o, i, 3), *b(o), c(o, o, 3), *b(o)]
        if stride != 1:
            p += [c(o, i, 1), *b(o)]
    return p + [weight(512, 10), np.zeros(10, "f")]


def resnet(p, x):
    it = iter(p)

    def bn(x):
        g, b = next(it), next(it)
        return x * (g / np.sqrt(1 + 1e-5))[None, :, None, None] + b[None, :, None, None]

    r = jax.nn.relu
    x = r(bn(conv(x, next(it), 1, 1)))
    for i, o, stride in RESNET:
        y = r(bn(conv(x, next(it), stride, 1)))
        y = bn(conv(y, next(it), 1, 1))
        s = bn(conv(x, next(it), stride, 0)) if stride != 1 else x
        x = r(y + s)
    return x.mean((2, 3)) @ next(it) + next(it)


def imagenet_blocks(blocks, bottleneck):
    """Input, inner and output channels, and stride of each block."""
    i = 64
    for stage, count in enumerate(blocks):
        for index in range(count):
            o = 64 << stage
            yield i, o, 4 * o if bottleneck else o, 2 if stage > 0 and index == 0 else 1
            i = 4 * o if bottleneck else o


def imagenet_parameters(blocks, bottleneck):
    def layer(o, i, k):
        return [weight(o, i, k, k, scale=np.sqrt(2 / (i * k * k))), np.ones(o, "f"), np.zeros(o, "f")]

    p, out = layer(64, 3, 7), 64
    for i, o, out, stride in imagenet_blocks(blocks, bottleneck):
        p += (layer(o, i, 1) + layer(o, o, 3) + layer(out, o, 1)) if bottleneck else (layer(o, i, 3) + layer(out, o, 3))
        if stride != 1 or i != out:
            p += layer(out, i, 1)
    return p + [weight(out, 1000), np.zeros(1000, "f")]


def imagenet_resnet(p, x, blocks, bottleneck):
    it, r = iter(p), jax.nn.relu

    def layer(x, stride, padding):
        x = conv(x, next(it), stride, padding)
        g, b = next(it), next(it)
        return x * (g / np.sqrt(1 + 1e-5))[None, :, None, None] + b[None, :, None, None]

    x = r(layer(x, 2, 3))
    x = lax.reduce_window(
        x, -jnp.inf, lax.max, (1, 1, 3, 3), (1, 1, 2, 2), [(0, 0), (0, 0), (1, 1), (1, 1)])
    for i, o, out, stride in imagenet_blocks(blocks, bottleneck):
        if bottleneck:
            y = layer(r(layer(r(layer(x, 1, 0)), stride, 1)), 1, 0)
        else:
            y = layer(r(layer(x, stride, 1)), 1, 1)
        x = r(y + (layer(x, stride, 0) if stride != 1 or i != out else x))
    return x.mean((2, 3)) @ next(it) + next(it)


def block_parameters(d):
    return [np.ones(d, "f"), np.zeros(d, "f"), weight(d, 3 * d), np.zeros(3 * d, "f"),
            weight(d, d), np.zeros(d, "f"), np.ones(d, "f"), np.zeros(d, "f"),
            weight(d, 4 * d), np.zeros(4 * d, "f"), weight(4 * d, d), np.zeros(d, "f")]


def layer_norm(x, g, b):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * g + b


def block(it, x, heads):
    n, t, d = x.shape
    y = layer_norm(x, next(it), next(it)) @ next(it) + next(it)
    q, k, v = y.reshape(n, t, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    a = jax.nn.softmax((q * (d // heads) ** -0.5) @ k.swapaxes(-2, -1), -1) @ v
    x = x + a.swapaxes(1, 2).reshape(n, t, d) @ next(it) + next(it)
    y = jax.nn.gelu(layer_norm(x, next(it), next(it)) @ next(it) + next(it), approximate=False)
    return x + y @ next(it) + next(it)


def encoder_parameters(d=256, depth=6):
    p = sum([block_parameters(d) for _ in range(depth)], [])
    return p + [np.ones(d, "f"), np.zeros(d, "f"), weight(d, 10), np.zeros(10, "f")]


def encoder(p, x):
    it, x = iter(p), x[:, 0]
    for _ in range(6):
        x = block(it, x, 4)
    x = layer_norm(x, next(it), next(it)).mean(1)
    return x @ next(it) + next(it)


def vit_parameters(d=192, depth=6, patch=4, tokens=65, classes=10):
    p = [weight(d, 3, patch, patch), np.zeros(d, "f"), weight(1, 1, d), weight(1, tokens, d)]
    p += sum([block_parameters(d) for _ in range(depth)], [])
    return p + [np.ones(d, "f"), np.zeros(d, "f"), weight(d, classes), np.zeros(classes, "f")]


def vit(p, x, patch=4, heads=3, depth=6):
    it, n = iter(p), x.shape[0]
    x = conv(x, next(it), patch, 0) + next(it)[None, :, None, None]
    x = x.reshape(n, x.shape[1], -1).swapaxes(1, 2)
    token = jnp.broadcast_to(next(it), (n, 1, x.shape[2]))
    x = jnp.concatenate([token, x], 1) + next(it)
    for _ in range(depth):
        x = block(it, x, heads)
    return layer_norm(x, next(it), next(it))[:, 0] @ next(it) + next(it)


ROWS = {
    "lenet": (lenet, lenet_parameters, (3, 32, 32), 100),
    "resnet18": (resnet, resnet_parameters, (3, 32, 32), 10),
    "encoder": (encoder, encoder_parameters, (1, 32, 256), 10),
    "vit": (vit, vit_parameters, (3, 32, 32), 10),
    "resnet18-224": (
        lambda p, x: imagenet_resnet(p, x, [2, 2, 2, 2], False), lambda: imagenet_parameters([2, 2, 2, 2], False),
        (3, 224, 224), 1000),
    "resnet50-224": (
        lambda p, x: imagenet_resnet(p, x, [3, 4, 6, 3], True), lambda: imagenet_parameters([3, 4, 6, 3], True),
        (3, 224, 224), 1000),
    "vit-b16-224": (
        lambda p, x: vit(p, x, 16, 12, 12), lambda: vit_parameters(768, 12, 16, 197, 1000), (3, 224, 224), 1000),
}


def soft_cross_entropy(logits, target):
    return jnp.mean(jnp.sum(-target * jax.nn.log_softmax(logits, -1), 1))


def run(name, batch, repeats):
    dtype = "d" if name.endswith("-f64") else "f"
    jax.config.update("jax_enable_x64", dtype == "d")
    forward, make, shape, classes = ROWS[name.removesuffix("-f64")]
    p = [jnp.asarray(a.astype(dtype)) for a in make()]
    x = rng.uniform(size=(batch, *shape)).astype(dtype)
    y = np.eye(classes, dtype=dtype)[rng.integers(0, classes, batch)]
    target = jax.jit(jax.grad(lambda p: soft_cross_entropy(forward(p, x), y)))(p)

    # Parameters and target are arguments: baked in as constants they would be folded for minutes.
    def objective(v, p, target):
        dummy, label = v
        g = jax.grad(lambda p: soft_cross_entropy(forward(p, dummy), jax.nn.softmax(label, -1)))(p)
        return sum(jnp.sum((a - b) ** 2) for a, b in zip(g, target))

    v = (rng.normal(size=(batch, *shape)).astype(dtype), rng.normal(size=(batch, classes)).astype(dtype))
    v = jax.tree.map(jnp.asarray, v)
    start = time.perf_counter()
    step = jax.jit(jax.value_and_grad(objective)).lower(v, p, target).compile()
    compile_seconds = time.perf_counter() - start
    for _ in range(3):
        jax.block_until_ready(step(v, p, target))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(step(v, p, target))
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    quantile = lambda q: times[min(int(q * len(times)), len(times) - 1)]
    print(json.dumps({
        "engine": "jax " + jax.__version__, "row": name, "batch": batch,
        "median_ms": quantile(0.5), "quartiles_ms": [quantile(0.25), quantile(0.75)],
        "repeats": repeats, "compile_s": compile_seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    for row in sys.argv[1:]:
        name, batch, repeats = row.split(":")
        run(name, int(batch), int(repeats))
