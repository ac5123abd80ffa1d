"""Operators: they gather, call and report."""
