"""The copy of searches and their networks in MLflow: it follows the study, and is never asked."""
