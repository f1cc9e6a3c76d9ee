"""ONNX graphs of networks, and sessions that run them."""
