"""The report of a drill in a real browser: accessible by axe's rules, within the screen, in light and dark, on telephones and desks."""

import subprocess
from pathlib import Path

import pytest
from tests.browser.stories import find_chromium, find_node
from tests.drill.example_report import build_examples

LOOK = Path(__file__).parent.parent / "status" / "look.mjs"


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_nothing_is_amiss(tmp_path: Path) -> None:
    urls = []
    for name, page in build_examples().items():
        assert page.count(" checked") == 1
        file = tmp_path / f"{name}.html"
        file.write_text(page)
        urls.append(file.as_uri())
    command = [find_node(), str(LOOK), find_chromium(), *urls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_told() -> None:
    pages = build_examples()
    assert "Every promise was kept." in pages["kept-en"]
    assert "not judged" in pages["quick-en"] and "not judged" not in pages["kept-en"]
    assert "Promises were broken." in pages["broken-en"] and "∞" in pages["broken-en"]
    english, arabic = pages["broken-en"].split('<main class="ar"')
    for part, what in ((english, "acknowledged and missing"), (arabic, "رسائل أُكِّدت وفُقدت")):
        assert f"<li>{what}: <bdi class='bad'>1</bdi> <small><bdi>$event7 in !room3:localhost</bdi></small></li>" in part
    assert "What was broken" not in arabic and "at most" not in arabic
    for page in pages.values():
        assert "<script" not in page and "src=" not in page and "http://" not in page and "https://" not in page


def test_what_went_wrong_is_told_of_the_fault_in_which_it_was_sent() -> None:
    pages = build_examples()
    for head in ('<th scope="row">lost</th>', '<th scope="row">ضائعة</th>'):
        assert pages["kept-en"].count(head) == 7
    sections = pages["broken-en"].split('<main class="ar"')[0].split("<section>")[1:]
    assert ['<td class="bad"><bdi>2</bdi></td>' in section for section in sections] == [False, True, *[False] * 5]
    assert '<td class="bad">' not in pages["kept-en"]
