"""Prints iterates of PyTorch's L-BFGS with strong-Wolfe line search on the chained Rosenbrock
function: the constants of Tests/LeakageTests/Solvers/LBFGSTests.swift.

usage: python scripts/make-lbfgs-golden.py        needs: torch
"""
import torch

x = torch.linspace(-1.2, 1.0, 6, dtype=torch.float64).requires_grad_()
optimiser = torch.optim.LBFGS(
    [x], lr=1, max_iter=1, max_eval=100, history_size=5, tolerance_grad=0, tolerance_change=0,
    line_search_fn="strong_wolfe")
evaluations = 0


def closure():
    global evaluations
    evaluations += 1
    optimiser.zero_grad()
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    value.backward()
    return value


for iteration in range(1, 31):
    optimiser.step(closure)
    if iteration in (1, 2, 5, 10, 20, 30):
        with torch.no_grad():
            value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum().item()
        print(iteration, repr(value), [float(repr(v)) for v in x.tolist()])
