"""Benchmarks: how fast the stages are against a baseline measured in the same run."""
