"""The check of the built documentation notices what a reader should not see."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_site.py"
NAVIGATION = '<nav><a href=".">Home</a><a href="page/">Page</a></nav>'


def check(folder, index=NAVIGATION, page="<p>fine</p>"):
    (folder / "page").mkdir()
    (folder / "index.html").write_text(index)
    (folder / "page" / "index.html").write_text(page)
    return subprocess.run(
        [sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False
    )


def test_a_clean_site_passes(tmp_path):
    assert check(tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("see :meth:`predict`", "a role"),
        ("<td><code>Sentinel.UNSET</code></td>", "a placeholder of click"),
        ("<span>=</span><span>DEFAULT_MODEL</span>", "a constant"),
        ("as in [predict][genreclf.predict]", "a reference"),
    ],
)
def test_what_a_reader_should_not_see_is_found(tmp_path, page, problem):
    found = check(tmp_path, page=page)
    assert found.returncode == 1
    assert f"page/index.html: {problem}" in found.stdout


def test_a_page_outside_the_navigation_is_found(tmp_path):
    found = check(tmp_path, index='<nav><a href=".">Home</a></nav><a href="page/">Page</a>')
    assert found.returncode == 1
    assert "page/: not in the navigation" in found.stdout
