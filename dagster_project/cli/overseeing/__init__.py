"""Seeing where everything stands."""
