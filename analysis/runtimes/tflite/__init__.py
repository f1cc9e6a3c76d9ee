"""A static ONNX graph written as a LiteRT (TFLite) model, channels last."""
