"""An installed Baken has every file that the checkout has: DocTypes, translations, templates, lists for Frappe."""

import warnings
from pathlib import Path

import pytest
from setuptools import Distribution  # type: ignore[import-untyped]
from setuptools.command.build_py import build_py  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
# Made by the build of the dashboard, and what Python makes.
_MADE = {"public", "__pycache__"}


@pytest.fixture(scope="module")
def packed() -> set[str]:
    """Every file that a wheel gets, relative to the checkout."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Folders of data could be packages as well, it says.
        warnings.simplefilter("ignore")
        patch.chdir(ROOT)
        distribution = Distribution({"script_name": "setup.py"})
        distribution.parse_config_files()
        command = distribution.get_command_obj("build_py")
        assert isinstance(command, build_py)
        command.ensure_finalized()
        found = {str(Path(module[2])) for module in command.find_all_modules()}
        for _package, folder, _build, files in command.data_files:
            found |= {str(Path(folder) / name) for name in files}
    return found


def test_every_file_is_packed(packed: set[str]) -> None:
    files = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "baken").rglob("*")
        if file.is_file() and not _MADE & set(file.relative_to(ROOT).parts)
    }
    assert files - packed == set()


def test_only_baken_is_packed(packed: set[str]) -> None:
    assert {name.partition("/")[0] for name in packed} == {"baken"}
    assert {"baken/hooks.py", "baken/modules.txt", "baken/patches.txt"} <= packed
