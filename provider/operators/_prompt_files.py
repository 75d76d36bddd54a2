"""
Prompts in files of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compat import BaseOperator
from ..errors import ConfigurationError
from ..validation import quote, text

if TYPE_CHECKING:
    import jinja2

#: The parameter that names a file -> the one that it fills.
FILES = {"prompt_file": "prompt", "system_prompt_file": "system_prompt"}


class PromptFiles(BaseOperator):
    """
    Fills ``prompt`` and, if the operator has it, ``system_prompt`` from files before Airflow renders them.

    Airflow's own way, ``template_ext``, would take any string that ends in ``.md`` for the name of a file.
    """

    def _do_render_template_fields(
        self, parent: Any, template_fields: Any, context: Any, jinja_env: jinja2.Environment, seen_oids: set[int]
    ) -> None:
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        if parent is not self:
            return
        for parameter, target in FILES.items():
            name = getattr(self, parameter, None)
            if name is not None:
                if getattr(self, target) is not None:
                    raise ConfigurationError(f"Give {target} or {parameter}, not both.")
                setattr(self, target, _read(name, parameter, jinja_env))
                setattr(self, target, self.render_template(getattr(self, target), context, jinja_env, seen_oids))


def _read(name: Any, parameter: str, environment: jinja2.Environment) -> str:
    from jinja2 import TemplateError

    path = text(name, parameter)
    problem = "this task belongs to no DAG"
    if environment.loader is not None:
        try:
            # Jinja's loader doesn't leave the folders of its search path.
            return environment.loader.get_source(environment, path)[0].rstrip("\n")
        except (TemplateError, UnicodeDecodeError, OSError) as error:
            folders = getattr(environment.loader, "searchpath", [])
            problem = f"{type(error).__name__}; looked in {', '.join(map(str, folders)) or 'no folder'}"
    raise ConfigurationError(
        f"{parameter} {quote(path)} was not found ({problem}): name it relative to the DAG file, or to a folder of "
        "the DAG's template_searchpath."
    )
