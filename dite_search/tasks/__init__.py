"""Single tasks: training, evaluation, preparation, submission."""
