"""A script from the brief itself, by rule: no service, no chance, the same brief gives the same script."""

from __future__ import annotations

from integrations.template_script.provider import TemplateScript
from integrations.template_script.script import build_script

__all__ = ["TemplateScript", "build_script"]
