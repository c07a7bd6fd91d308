"""The page on which an account is made: what it may load, and that both languages say everything."""

import re

from zajil.http.pages import CONTENT_SECURITY_POLICY, FOLDER, ROUTES

SCRIPT = (FOLDER / "register.js").read_text("utf-8")
PAGE = (FOLDER / "register.html").read_text("utf-8")


def build_texts(language: str) -> dict[str, str]:
    block = re.search(rf"^  {language}: \{{\n(.*?)^  \}},", SCRIPT, re.DOTALL | re.MULTILINE)
    assert block is not None
    return dict(re.findall(r'^    (\w+): "(.*)",$', block[1], re.MULTILINE))


def test_both_languages_say_everything() -> None:
    english, arabic = build_texts("en"), build_texts("ar")
    assert english.keys() == arabic.keys()
    assert set(re.findall(r'data-text="(\w+)"', PAGE)) <= english.keys()
    assert set(re.findall(r'\["(\w+)"', SCRIPT)) <= english.keys()
    assert set(re.findall(r'dataset\.text = "(\w+)"', SCRIPT)) <= english.keys()
    assert all(re.search(r"[\u0600-\u06ff]", text) for text in arabic.values())


async def test_every_file_has_the_policy_and_nothing_is_inline_or_foreign() -> None:
    for route in ROUTES:
        headers = dict((await route.handler(None, None)).headers)  # type: ignore[arg-type,union-attr]
        assert headers[b"content-security-policy"] == CONTENT_SECURITY_POLICY.encode()
        assert headers[b"x-content-type-options"] == b"nosniff"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", PAGE)
    assert not re.search(r"""(?:src|href)=["'](?!/_zajil/pages/)""", PAGE)
    assert "innerHTML" not in SCRIPT
    assert {route.path for route in ROUTES} >= set(re.findall(r'(?:src|href)="([^"]+)"', PAGE))
