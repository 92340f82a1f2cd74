"""Fourier features: plain coordinates give a network only what varies slowly (Tancik et al., 2020, arXiv 2006.10739)."""

import math

import torch


def octaves(longest, count):
    """Angular frequencies, `longest` the length of the slowest turn, each twice as fast as the one before."""
    return tuple(2 * math.pi / longest * 2**i for i in range(count))


def fourier(x, frequencies):
    """x `[.., n]` -> x, its sines and its cosines at some frequencies, radians: `[.., n (1 + 2 frequencies)]`."""
    angles = torch.cat([x * frequency for frequency in frequencies], -1)
    return torch.cat([x, angles.sin(), angles.cos()], -1)
