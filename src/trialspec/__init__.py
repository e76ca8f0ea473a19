"""A clinical trial protocol is one declarative file that runs.

It checks a protocol against patients' events. It is not a medical device; a person decides.
"""

__version__ = "0.1.0"
