"""What people see of the provider in Airflow's web interface."""
