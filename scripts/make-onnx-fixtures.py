#!/usr/bin/env python3
"""Makes Tests/Fixtures/onnx/models: small models for what the standard suite has no tests of.

Usage: make-onnx-fixtures.py OUT. Needs onnx 1.23 and numpy.
"""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
random = np.random.default_rng(0)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, array, kind=None):
    return numpy_helper.from_array(np.asarray(array, dtype=kind or np.float32), name)


def save(name, nodes, inputs, outputs, initializers=(), functions=(), opsets=(("", 18),)):
    graph = helper.make_graph(list(nodes), name, inputs, outputs, list(initializers))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(*o) for o in opsets], functions=list(functions))
    model.ir_version = 9
    onnx.save(model, f"{out}/{name}.onnx")
    return model


# A network with batch normalisation, a buffer, and a batch size frozen into a Reshape.
save(
    "cnn",
    [
        helper.make_node("Conv", ["x", "conv.weight"], ["a"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization",
            ["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["b"], "bn"),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("Reshape", ["c", "shape"], ["d"], "flatten"),
        helper.make_node("MatMul", ["d", "onnx::MatMul_7"], ["e"], "fc"),
        helper.make_node("Add", ["e", "fc.bias"], ["y"], "bias"),
    ],
    [value("x", [1, 2, 4, 4])], [value("y", [1, 3])],
    [
        constant("conv.weight", random.normal(size=(2, 2, 3, 3))),
        constant("bn.weight", [1, 2]), constant("bn.bias", [0.5, -0.5]),
        constant("bn.running_mean", [0, 0]), constant("bn.running_var", [1, 4]),
        constant("shape", [1, 32], np.int64),
        constant("onnx::MatMul_7", random.normal(size=(32, 3))), constant("fc.bias", [1, 2, 3]),
    ])

# A local function whose attribute is the caller's, called by another.
scale = helper.make_function(
    "local", "Scale", ["x"], ["y"],
    [
        helper.make_node("Constant", [], ["c"]), helper.make_node("Mul", ["x", "c"], ["y"]),
    ], [helper.make_opsetid("", 18)], ["factor"])
reference = scale.node[0].attribute.add()
reference.name, reference.ref_attr_name, reference.type = "value_float", "factor", 1
twice = helper.make_function(
    "local", "Twice", ["x"], ["y"],
    [
        helper.make_node("Scale", ["x"], ["t"], domain="local", factor=2.0),
        helper.make_node("Scale", ["t"], ["y"], domain="local", factor=3.0),
    ], [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)])
save(
    "functions", [helper.make_node("Twice", ["x"], ["y"], domain="local")],
    [value("x", ["n", 2])], [value("y", ["n", 2])], functions=[scale, twice],
    opsets=(("", 18), ("local", 1)))

# A function that calls itself.
endless = helper.make_function(
    "local", "Endless", ["x"], ["y"],
    [helper.make_node("Endless", ["x"], ["y"], domain="local")],
    [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)])
save(
    "endless", [helper.make_node("Endless", ["x"], ["y"], domain="local")],
    [value("x", [2])], [value("y", [2])], functions=[endless], opsets=(("", 18), ("local", 1)))

# A branch that a constant decides, and a shape computed from the input's.
branch = lambda op: helper.make_graph(
    [helper.make_node(op, ["x"], ["r"])], op, [], [value("r", None)])
save(
    "shapes",
    [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Equal", ["n", "n"], ["same"]),
        helper.make_node(
            "If", ["same"], ["b"], then_branch=branch("Neg"), else_branch=branch("NonZero")),
        helper.make_node("Unsqueeze", ["n", "axes"], ["m"]),
        helper.make_node("Concat", ["m", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["b", "t"], ["y"]),
    ],
    [value("x", ["batch", 2, 3])], [value("y", None)],
    [
        constant("zero", 0, np.int64), constant("axes", [0], np.int64),
        constant("rest", [-1], np.int64),
    ])

# Weights in an external file.
model = save(
    "external", [helper.make_node("Gemm", ["x", "fc.weight"], ["y"], transB=1)],
    [value("x", [1, 4])], [value("y", [1, 2])],
    [constant("fc.weight", np.arange(8).reshape(2, 4))])
onnx.save(
    model, f"{out}/external.onnx", save_as_external_data=True, location="external.bin",
    size_threshold=0)

# Dropout, which training cannot have.
save(
    "dropout", [helper.make_node("Dropout", ["x", "ratio"], ["y"], "drop")],
    [value("x", [2])], [value("y", [2])], [constant("ratio", 0.25)])
save("unknown", [helper.make_node("Foo", ["x"], ["y"], "foo")], [value("x", [2])], [value("y", [2])])

# What PyTorch's exporter makes of equal tensors: two fresh scales, and a matrix that two layers share.
save(
    "equal",
    [
        helper.make_node("Identity", ["a.scale"], ["b.scale"], "Identity_0"),
        helper.make_node("Identity", ["a.weight"], ["b.weight"], "Identity_1"),
        helper.make_node("Identity", ["a.scale"], ["/Identity_output_0"], "Identity_2"),
        helper.make_node("Mul", ["x", "a.scale"], ["c"]),
        helper.make_node("MatMul", ["c", "a.weight"], ["d"]),
        helper.make_node("Mul", ["d", "b.scale"], ["e"]),
        helper.make_node("MatMul", ["e", "b.weight"], ["f"]),
        helper.make_node("Mul", ["f", "/Identity_output_0"], ["y"]),
    ],
    [value("x", [1, 2])], [value("y", [1, 2])],
    [constant("a.scale", [3, 3]), constant("a.weight", [[1, 2], [0, 1]])])

# Lists: x [5, 2] in parts of 2, 2 and 1, the first in last place, without the part of 1, joined.
save(
    "lists",
    [
        helper.make_node("SplitToSequence", ["x", "two"], ["parts"], axis=0),
        helper.make_node("SequenceAt", ["parts", "first"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("SequenceErase", ["parts"], ["fewer"]),
        helper.make_node("SequenceErase", ["fewer", "first"], ["one"]),
        helper.make_node("SequenceInsert", ["one", "b"], ["both"]),
        helper.make_node("ConcatFromSequence", ["both"], ["c"], axis=0),
        helper.make_node("SplitToSequence", ["c"], ["rows"], axis=0, keepdims=0),
        helper.make_node("ConcatFromSequence", ["rows"], ["d"], axis=1, new_axis=1),
        helper.make_node("SequenceLength", ["rows"], ["n"]),
        helper.make_node("Cast", ["n"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["d", "m"], ["y"]),
    ],
    [value("x", [5, 2])], [value("y", [2, 4])],
    [constant("two", 2, np.int64), constant("first", 0, np.int64)])
save(
    "relu6", [helper.make_node("Clip", ["x", "zero", "six"], ["y"])],
    [value("x", [6])], [value("y", [6])], [constant("zero", 0), constant("six", 6)])
