"""The page in Airflow's web console: data, routes, templates, static files."""
