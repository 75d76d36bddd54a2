"""The example of assets, as Airflow's scheduler runs it: one DAG wakes the other."""

from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "example_dags" / "example_assets.py"
# Under this file's name: Airflow 3.1 takes no DAG from a file outside of the folder of DAGs.
exec(compile(EXAMPLE.read_text(encoding="utf-8"), __file__, "exec"))
