"""Given an architecture, hyper-parameters and data: what does it score?"""
