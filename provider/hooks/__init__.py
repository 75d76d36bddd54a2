"""From an Airflow connection to a client, one line a verb."""
