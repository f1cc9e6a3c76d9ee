"""The networks that published tables compare with: what each can build, what it is called, what it costs."""
