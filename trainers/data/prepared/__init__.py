"""Prepared sets: the regions of photographs that training needs, cut without loss."""
