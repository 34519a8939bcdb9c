"""Tests of the machine-readable part of the spec, and of the package against it."""
