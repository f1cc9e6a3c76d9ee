"""What MLflow holds of searches and of the networks that came of them: it follows the study, and is never asked."""
