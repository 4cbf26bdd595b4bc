"""Writes Tests/Fixtures/user-models: models as users have them (one logit, several outputs, a softmax at
the end, dropout) and broken ones, with updates of clients by PyTorch.

Run with a Python that has torch, onnx and safetensors: python scripts/make-user-model-fixtures.py
"""

import os

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

FOLDER = "Tests/Fixtures/user-models"
os.makedirs(FOLDER, exist_ok=True)
torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
image = torch.rand(1, 3, 4, 4)


def weights(outputs):
    return {
        "a.weight": torch.randn(24, 48) / 48**0.5,
        "a.bias": torch.randn(24) / 7,
        "b.weight": torch.randn(outputs, 24) / 24**0.5,
        "b.bias": torch.randn(outputs) / 5,
    }


def tensor(name, value):
    return numpy_helper.from_array(value.numpy().astype("float32"), name)


def rounded(w):
    return {k: v.float().double() for k, v in w.items()}


def logits(w, x):
    return F.linear(torch.sigmoid(F.linear(x.flatten(1), w["a.weight"], w["a.bias"])), w["b.weight"], w["b.bias"])


def mlp(end="y"):
    return [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "a.weight", "a.bias"], ["h"], transB=1),
        helper.make_node("Sigmoid", ["h"], ["features"]),
        helper.make_node("Gemm", ["features", "b.weight", "b.bias"], [end], transB=1),
    ]


def save(name, nodes, tensors, outputs=(("y", ["N", 5]),), x=("N", 3, 4, 4)):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x))],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, f"{FOLDER}/{name}.onnx")


def update(name, w, loss):
    w = {k: v.clone().requires_grad_(True) for k, v in w.items()}
    value = loss(logits(w, image))
    value.backward()
    save_file({k: v.grad.clone() for k, v in w.items()}, f"{FOLDER}/{name}.safetensors")


def tensors(w):
    return [tensor(k, v) for k, v in w.items()]


save_file({"image": image[0].contiguous()}, f"{FOLDER}/image.safetensors")
bce, mse, ce = F.binary_cross_entropy_with_logits, F.mse_loss, F.cross_entropy

# One output.
one = rounded(weights(1))
save("one-logit", mlp(), tensors(one), [("y", ["N", 1])])
save("squeezed", mlp("z") + [helper.make_node("Squeeze", ["z", "one"], ["y"])],
     tensors(one) + [numpy_helper.from_array(np.array([1]), "one")], [("y", ["N"])])
save("sigmoid-squeezed", mlp("z") + [helper.make_node("Sigmoid", ["z"], ["s"]),
     helper.make_node("Squeeze", ["s", "one"], ["y"])],
     tensors(one) + [numpy_helper.from_array(np.array([1]), "one")], [("y", ["N"])])
for label in [0.0, 1.0]:
    update(f"one-logit-{label:.0f}", one, lambda z: bce(z, torch.tensor([[label]])))
update("one-logit-bceloss", one, lambda z: F.binary_cross_entropy(torch.sigmoid(z), torch.tensor([[1.0]])))
update("regression", one, lambda z: mse(z, torch.tensor([[0.7]])))
update("sigmoid-mse", one, lambda z: mse(torch.sigmoid(z), torch.tensor([[1.0]])))

# Five outputs.
five = rounded(weights(5))
save("five", mlp(), tensors(five))
save("softmax", mlp("z") + [helper.make_node("Softmax", ["z"], ["y"], axis=1)], tensors(five))
save("two-outputs", mlp(), tensors(five), [("features", ["N", 24]), ("y", ["N", 5])])
save("dropout", mlp()[:3] + [
    helper.make_node("Dropout", ["features", "ratio", "training"], ["dropped"]),
    helper.make_node("Gemm", ["dropped", "b.weight", "b.bias"], ["y"], transB=1)],
    tensors(five) + [numpy_helper.from_array(np.float32(0.3), "ratio"), numpy_helper.from_array(np.array(True), "training")])
update("multi-label", five, lambda z: bce(z, torch.tensor([[1.0, 0, 0, 1, 0]])))
update("no-label", five, lambda z: bce(z, torch.zeros(1, 5)))
update("cross-entropy", five, lambda z: ce(z, torch.tensor([3])))
update("of-softmax", five, lambda z: ce(z.softmax(1), torch.tensor([3])))

# Order and extents.
save("unordered", mlp()[::-1], tensors(five))
save("circle", [helper.make_node("Add", ["x", "q"], ["p"]), helper.make_node("Relu", ["p"], ["q"]),
     helper.make_node("Flatten", ["q"], ["y"])], [])
save("placeholders", mlp(), tensors(five), x=("None", 3, "None", "None"))
save("negative", mlp(), tensors(five), x=(1, 3, -4, 4))
save("huge", mlp(), tensors(five), x=(1, 3, 2**40, 2**40))

# What is refused.
broken = {**five, "b.weight": five["b.weight"].clone()}
broken["b.weight"][2, 3] = float("nan")
save("nan-weight", mlp(), tensors(broken))
save("nan-constant", mlp("z") + [helper.make_node("Mul", ["z", "val_1"], ["y"])],
     tensors(five) + [tensor("val_1", torch.tensor([1.0, float("nan"), 1, 1, 1]))])
save("no-parameters", [helper.make_node("Flatten", ["x"], ["y"])], [], [("y", ["N", 48])])
kernel = tensor("c.weight", torch.randn(2, 3, 3, 3))
save("segmentation", [helper.make_node("Conv", ["x", "c.weight"], ["y"], pads=[1, 1, 1, 1])], [kernel],
     [("y", ["N", 2, 4, 4])])
save("kernel-shape", [helper.make_node("Conv", ["x", "c.weight"], ["c"], kernel_shape=[1, 1]),
     helper.make_node("Flatten", ["c"], ["y"])], [kernel], [("y", ["N", 8])])
save("table", [helper.make_node("Gemm", ["x", "t.weight", "t.bias"], ["y"], transB=1)],
     [tensor("t.weight", torch.randn(3, 30)), tensor("t.bias", torch.randn(3))], [("y", ["N", 3])], x=("N", 30))
