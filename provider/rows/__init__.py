"""Rows from files, and results as the parts of a folder; knows neither Airflow nor HTTP."""
