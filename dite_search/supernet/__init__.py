"""Shared weights in use: scores of the networks that inherit them, a model of the scores, and what follows from both."""
