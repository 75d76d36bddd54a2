"""HTTP to an OpenAI-compatible service; knows nothing of Airflow."""
