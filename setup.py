"""
Find the packages below provider/. The rest of the build is in pyproject.toml, whose discovery can't rename a folder.
"""

from setuptools import find_packages, setup

NAME = "apache_airflow_provider_ovhcloud_ai"

setup(packages=[NAME, *(f"{NAME}.{package}" for package in find_packages("provider"))])
