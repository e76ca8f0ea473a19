"""Choices by weight, from choices that somebody else makes."""
