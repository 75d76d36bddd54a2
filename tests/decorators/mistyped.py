"""What a type checker refuses, as the documentation shows it."""

# --8<-- [start:mistyped]
from apache_airflow_provider_ovhcloud_ai.decorators import ovh_chat


@ovh_chat(model="gpt-oss-120b", temperature=["low"])  # mypy: a list is no temperature
def describe(city: str) -> str:
    return f"What is {city} known for?"


@ovh_chat(model="gpt-oss-120b")  # mypy: a number is no prompt
def count(city: str) -> int:
    return len(city)


# --8<-- [end:mistyped]
