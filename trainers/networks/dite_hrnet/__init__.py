"""The networks of the Dite-HRNet and Lite-HRNet family."""
