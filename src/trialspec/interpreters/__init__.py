"""Readers of one Program: the reference evaluator defines what it means, every other one must agree."""
