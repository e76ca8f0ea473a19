"""From the text of a protocol, and all the libraries it uses, to one located and validated model."""

from trialspec.load.loading import Loaded, freeze, load, load_written
from trialspec.load.schema import schema

__all__ = ["Loaded", "freeze", "load", "load_written", "schema"]
