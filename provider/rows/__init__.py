"""Rows from files, and results as the parts of a folder; independent of Airflow and HTTP."""
