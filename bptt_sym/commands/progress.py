"""What long work is at, on standard error."""

from __future__ import annotations

import time

import click

PATIENCE = 3.0
"""Seconds in which nothing is said."""


class Progress:
    """Says what is being done, from some seconds after it was made."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, what: str) -> None:
        """Says this, if one has waited for a while."""
        waited = time.monotonic() - self.began
        if waited >= PATIENCE:
            click.echo(f"{waited:.0f} s: {what}", err=True)
