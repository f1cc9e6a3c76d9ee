"""The ONNX form of the Dite-HRNet and Lite-HRNet family."""
