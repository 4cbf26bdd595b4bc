"""Flower clients on PyTorch, audited at their server: with their updates in sight, and behind SecAgg+."""
