#!/usr/bin/env python3
"""Writes Tests/Fixtures/defences/privacy.csv: epsilon of DP-SGD by Opacus and by dp-accounting.

    .venv/bin/pip install opacus dp-accounting
    .venv/bin/python scripts/make-privacy-goldens.py

Settings are drawn log-uniformly, with a fixed seed. Columns: noise multiplier, sampling rate, steps, delta;
Opacus' epsilon and best order with its own list of orders; dp-accounting's epsilon with its own; and
Opacus' formulas at the orders of Sources/Leakage/Defences/PrivacyAccountant.swift.
"""

import csv
import random
import warnings
from pathlib import Path

from absl import logging
from dp_accounting.rdp import rdp_privacy_accountant
from opacus.accountants import RDPAccountant
from opacus.accountants.analysis import rdp

warnings.filterwarnings("ignore")
logging.set_verbosity(logging.FATAL)

ORDERS = (
    [x / 10 for x in range(11, 110)]
    + list(range(11, 257))
    + [320, 384, 512, 640, 768, 1024, 2048, 4096]
)


def opacus(noise, rate, steps, delta, orders):
    divergences = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=steps, orders=orders)
    return rdp.get_privacy_spent(orders=orders, rdp=divergences, delta=delta)


def dp_accounting(noise, rate, steps, delta):
    orders = rdp_privacy_accountant.DEFAULT_RDP_ORDERS
    divergences = steps * rdp_privacy_accountant._compute_rdp_poisson_subsampled_gaussian(
        rate, noise, orders
    )
    return rdp_privacy_accountant.compute_epsilon(orders, divergences, delta)


def settings():
    source = random.Random(0)
    yield 0.3, 16 / 560, 200, 1e-5
    yield 0.05, 16 / 560, 200, 1e-5
    yield 1.1, 256 / 60000, 14062, 1e-5
    for index in range(200):
        noise = float(f"{10 ** source.uniform(-1.301, 1):.3g}")
        rate = 1.0 if index % 10 == 0 else float(f"{10 ** source.uniform(-4, 0):.3g}")
        steps = int(10 ** source.uniform(0, 5))
        yield noise, rate, steps, float(f"{10 ** source.uniform(-9, -3):.2g}")


def main():
    path = Path(__file__).parent.parent / "Tests/Fixtures/defences/privacy.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            "noise rate steps delta opacus opacus_order dp_accounting same_orders".split()
        )
        for setting in settings():
            own, order = opacus(*setting, RDPAccountant.DEFAULT_ALPHAS)
            google, _ = dp_accounting(*setting)
            same, _ = opacus(*setting, ORDERS)
            writer.writerow(
                [*setting, f"{own:.12g}", f"{order:g}", f"{google:.12g}", f"{same:.12g}"]
            )


if __name__ == "__main__":
    main()
