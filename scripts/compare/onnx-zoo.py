"""Compares gradleak with PyTorch on torchvision's classifiers, exported to ONNX with random weights.

What is measured: see onnx_comparison.py. Needs torch, torchvision, onnx, onnxscript and safetensors,
and a built gradleak.

  python scripts/compare/onnx-zoo.py --gradleak .build/release/gradleak --out zoo.csv
  python scripts/compare/onnx-zoo.py --only resnet18 vit_b_16 --exporters torchscript dynamo
  python scripts/compare/onnx-zoo.py --only resnet18 --training --exporters torchscript dynamo
"""

import argparse

import onnx_comparison
import torch
import torchvision


def image_size(name):
    if name.startswith(("vit", "maxvit")):
        return 518 if name == "vit_h_14_518" else 224
    # The TorchScript exporter lacks adaptive pooling to an extent that does not divide the input's.
    if name.startswith(("alexnet", "vgg")):
        return 224
    if name.startswith(("swin", "inception")):
        return 96
    return 64


def case(name, arguments):
    size = image_size(name)

    def make():
        options = {"num_classes": 10}
        if name.startswith(("googlenet", "inception")):
            # Their own initialisation makes logits of 1e9 on noise, and a gradient of zero.
            options.update(init_weights=False, aux_logits=False)
        if name.startswith("vit"):
            options["image_size"] = size
        model = torchvision.models.get_model(name, weights=None, **options).eval()
        if not arguments.fresh:
            onnx_comparison.perturb(model)
        return model

    def draw():
        return torch.randn(4 if arguments.training else 1, 3, size, size)

    return onnx_comparison.Case(
        name, published_parameter_count(name), make, draw, arguments.training,
        # The scales 1 / √32 of their attention.
        dynamo_limit=1e-7 if name.startswith(("swin", "maxvit")) else 1e-9)


def published_parameter_count(name):
    return next(iter(torchvision.models.get_model_weights(name))).meta["num_params"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    onnx_comparison.add_arguments(parser)
    parser.add_argument("--largest", type=float, default=1e9, help="parameters at most")
    parser.add_argument("--training", action="store_true",
                        help="four images, batch normalisation by their own statistics")
    parser.add_argument("--fresh", action="store_true",
                        help="leave fresh biases and scales equal, as the exporter stores them once")
    arguments = parser.parse_args()
    names = arguments.only or torchvision.models.list_models(module=torchvision.models)
    cases = []
    for name in sorted(names, key=published_parameter_count):
        if published_parameter_count(name) > arguments.largest:
            count = published_parameter_count(name)
            print(f"{name:22} not run: {count / 1e6:.1f} M parameters", flush=True)
        else:
            cases.append(case(name, arguments))
    onnx_comparison.run(cases, arguments)


if __name__ == "__main__":
    main()
