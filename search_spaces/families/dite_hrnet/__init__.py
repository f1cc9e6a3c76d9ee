"""The Dite-HRNet and Lite-HRNet family: architectures, parameters, costs, presets."""
