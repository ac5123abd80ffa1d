"""Estimators: pixels in, what a person does out. The contract stands in `base`."""
