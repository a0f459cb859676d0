"""Measured comparison of arms: question sets, metrics, statistics, experiments, verdicts, reports."""
