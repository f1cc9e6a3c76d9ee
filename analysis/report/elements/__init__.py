"""Elements that sections of a report are made of."""
