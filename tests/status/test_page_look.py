"""The status pages in a real browser: accessible by axe's rules, within the screen, in light and dark, on telephones and desks."""

import subprocess
from pathlib import Path

import pytest
from tests.browser.stories import find_chromium, find_node
from tests.status.example_pages import build_examples

LOOK = Path(__file__).with_name("look.mjs")


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_nothing_is_amiss(tmp_path: Path) -> None:
    urls = []
    for state, pages in build_examples().items():
        for name in ("en.html", "ar.html"):
            file = tmp_path / f"{state}-{name}"
            file.write_bytes(pages[name])
            urls.append(file.as_uri())
    command = [find_node(), str(LOOK), find_chromium(), *urls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
