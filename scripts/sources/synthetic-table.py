#!/usr/bin/env python3
"""Writes Sources/CBundledFiles/tables/patients.csv: people who do not exist, drawn from a fixed seed, for tests and
`gradleak demo table`. Nothing is taken from anyone's data.

    scripts/sources/synthetic-table.py
"""

import pathlib
import random

OUT = pathlib.Path(__file__).resolve().parents[2] / "Sources/CBundledFiles/tables/patients.csv"
ROWS = 240
TOWNS = ["Arden", "Brook", "Corvin", "Dale", "Elmsted", "Fenwick"]
SMOKING = ["never", "former", "daily"]
CARE = ["none", "basic", "full"]


def patient(draw: random.Random) -> list[str]:
    age = min(max(round(draw.gauss(52, 16)), 18), 93)
    sex = draw.choice(["female", "male"])
    height = round(draw.gauss(166 if sex == "female" else 179, 7))
    weight = round(max(draw.gauss(height - 98, 13), 41), 1)
    smoking = draw.choices(SMOKING, [55, 27, 18])[0]
    pressure = round(draw.gauss(112 + age / 3, 13))
    glucose = "" if draw.random() < 0.12 else str(round(max(draw.gauss(5.4, 1.1), 3.2), 2))
    insurance = draw.choices(CARE, [1, 6, 3])[0]
    town = draw.choices(TOWNS, [30, 22, 18, 14, 10, 6])[0]
    visits = min(int(draw.expovariate(0.4)), 14)
    risk = (age - 52) / 16 + (weight - 74) / 20 + (1.2 if smoking == "daily" else 0) + draw.gauss(0, 1)
    return [
        str(age), sex, town, str(height), str(weight), smoking, str(pressure), glucose, insurance, str(visits),
        "yes" if risk > 0.8 else "no",
    ]


def main() -> None:
    draw = random.Random(20261129)
    names = ["age", "sex", "town", "height", "weight", "smoking", "pressure", "glucose", "insurance", "visits", "diabetes"]
    rows = [names] + [patient(draw) for _ in range(ROWS)]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("".join(",".join(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
