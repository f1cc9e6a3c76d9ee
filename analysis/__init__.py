"""Given finished trials: which are worth having, how do we show and ship them?"""
