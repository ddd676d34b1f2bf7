"""Commands are called here as in tests/cli."""

from tests.cli.conftest import nobodys_settings, project, rapport

__all__ = ["nobodys_settings", "project", "rapport"]
