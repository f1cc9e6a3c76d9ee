"""The networks that published tables compare with, with the parameter names of MMPose where MMPose has the network."""
