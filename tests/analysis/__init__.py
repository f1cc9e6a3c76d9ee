"""Tests of analysis: dominance, reports and exports."""
