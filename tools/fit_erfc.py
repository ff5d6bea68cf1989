#!/usr/bin/env python3
"""Prints the coefficients of lib/kernel/vec_math.h: erfc(z) = exp(-z^2) t P(t), t = 1 / (1 + z/2),
for z in [0, 9], by a Chebyshev fit of least relative error, highest power first."""
import math

import numpy as np

DEGREE = 8


def erfcx(z):
    """exp(z^2) erfc(z)"""
    if z < 5:
        return math.erfc(z) * math.exp(z * z)
    fraction = 0.0  # the continued fraction, from its far end
    for k in range(200, 0, -1):
        fraction = k / 2 / (z + fraction)
    return 1 / (math.sqrt(math.pi) * (z + fraction))


def main():
    least = 1 / (1 + 9 / 2)
    nodes = np.cos((np.arange(400) + 0.5) * np.pi / 400)
    t = (nodes + 1) / 2 * (1 - least) + least
    y = np.array([erfcx(2 * (1 / v - 1)) for v in t]) / t
    fit = np.polynomial.chebyshev.Chebyshev.fit(t, y, DEGREE, w=1 / y)
    coefficients = fit.convert(kind=np.polynomial.Polynomial).coef[::-1]
    print(", ".join(f"{c:.9g}f" for c in coefficients))


if __name__ == "__main__":
    main()
