"""Before a search: a search file for data that were looked at, and an outlook on hours, networks and memory."""
