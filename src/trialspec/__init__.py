"""A clinical trial protocol is one declarative file that runs.

It checks a protocol against patients' events. It is not a medical device; a person decides.
"""

from importlib.metadata import version

__version__ = version("trialspec")
