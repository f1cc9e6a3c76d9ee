"""Parts of several commands: their options, what they print, and the commands that they propose."""
