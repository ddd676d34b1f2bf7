"""The version is written in two places."""

from importlib.metadata import version

import rapport


def test_the_package_knows_the_version_it_is_installed_as() -> None:
    assert rapport.__version__ == version("rapport")
