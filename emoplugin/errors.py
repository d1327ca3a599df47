"""Errors that a user can cause, with a message written for that user."""

from __future__ import annotations


class EmopluginError(Exception):
    """Base of every error that is reported to the user as one sentence."""


class InputError(EmopluginError):
    """An argument or an input file is not what was expected. The command line exits with 2."""


class BundleError(InputError):
    """A model bundle is missing, damaged, foreign or of a newer format."""


class MissingExtraError(EmopluginError):
    """A feature needs packages that an extra of emoplugin installs."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs packages that are not installed: pip install 'emoplugin[{extra}]'")
