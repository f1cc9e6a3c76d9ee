"""Tests of trainers.data.codecs."""
