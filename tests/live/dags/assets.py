"""The example of assets, as Airflow's scheduler runs it: one DAG wakes the other."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "example_dags" / "example_assets.py")))
