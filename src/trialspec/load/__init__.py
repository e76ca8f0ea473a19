"""From the text of a protocol, and all the libraries it uses, to one located and validated model."""

from trialspec.load.loading import Loaded, freeze, load, load_written, written_out
from trialspec.load.schema import schema

__all__ = ["Loaded", "freeze", "load", "load_written", "schema", "written_out"]
