"""``python -m flower_secagg plain|secagg``: a federation in Flower's simulation, and its audit."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from flwr.simulation import run_simulation

from .client import client_app
from .measure import measured
from .server import server_app
from .task import write_photographs


def main() -> None:
    """Runs it, and prints what the audits found and how near that is to the clients' photographs."""
    parser = argparse.ArgumentParser(prog="python -m flower_secagg", description=__doc__)
    parser.add_argument("mode", choices=["plain", "secagg"], help="what the server is given")
    parser.add_argument("--clients", type=int, default=5, help="2 to 7, with one photograph each")
    parser.add_argument("--rounds", type=int, default=2, help="of training")
    parser.add_argument(
        "--max-weight", type=float, default=1.0, help="of SecAgg+: the most examples of a client"
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="a new folder")
    chosen = parser.parse_args()
    logging.getLogger("flwr").setLevel(logging.ERROR)
    photographs = write_photographs(chosen.out / "photographs")[: chosen.clients]
    is_secure = chosen.mode == "secagg"
    run_simulation(
        server_app=server_app(
            chosen.out / "audit",
            clients=len(photographs),
            rounds=chosen.rounds,
            is_secure=is_secure,
            max_weight=chosen.max_weight,
        ),
        client_app=client_app(
            [[(file, label)] for label, file in enumerate(photographs)], is_secure=is_secure
        ),
        num_supernodes=len(photographs),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": 1, "include_dashboard": False},
        },
    )
    print()
    print(measured(chosen.out / "audit", photographs))


if __name__ == "__main__":
    main()
