"""One page that runs an exported network in a browser, from the page alone, on a picture or the camera."""
