"""Families of networks: what each can build, what a network is called, what it costs."""
