"""The cost of the driver and its records beside the trainings."""
