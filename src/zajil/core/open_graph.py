"""What a web page says about itself: Open Graph properties and their plainer forerunners (client-server API, "URL preview").

The scanner looks at every character a bounded number of times, whatever the page: general HTML parsers take quadratic time on crafted ones.
"""

import codecs
import html
import re
from collections.abc import Iterator

VALUE_CHARACTERS_MAX = 1000
ATTRIBUTES_MAX = 32
TAGS_MAX = 20_000
CHARSET_SEARCH_BYTES = 1024
KEPT = frozenset(
    (
        "og:title",
        "og:description",
        "og:type",
        "og:url",
        "og:site_name",
        "og:locale",
        "og:image",
        "og:image:alt",
        "og:video",
        "og:audio",
    )
)
URLS = ("og:url", "og:video", "og:audio")
# Older ways to say the same, used where a page has no Open Graph property.
SUBSTITUTES = {
    "og:title": ("twitter:title", "<title>"),
    "og:description": ("twitter:description", "description"),
    "og:image": ("og:image:secure_url", "og:image:url", "twitter:image", "twitter:image:src", "<link>"),
}
WANTED = KEPT.union(*SUBSTITUTES.values())
RAW_TEXT_TAGS = ("script", "style", "textarea", "noscript", "template", "svg")
# Only codecs that run in linear time over untrusted bytes and yield text.
CHARSETS = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|cp1006|cp866|koi8-[rut]|mac-roman|gbk|gb2312|gb18030|big5|shift_jis|euc_jp|euc_kr"
)

_CHARSET_NAME = re.compile(r"charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_SPACE = re.compile(r"\s*")
_GAP = re.compile(r"[\s/]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s/>=]+")
_BARE_VALUE = re.compile(r"[^\s>]*")
_UNWANTED = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\s]+")

Tag = tuple[str, dict[str, str], int]


def decode_html(body: bytes, content_type: str) -> str:
    """The text of a page, by the charset of its header, its own `<meta>`, or UTF-8."""
    named = _CHARSET_NAME.search(content_type) or _CHARSET_NAME.search(
        body[:CHARSET_SEARCH_BYTES].decode("ascii", "replace")
    )
    charset = "utf-8"
    if named is not None:
        try:
            known_as = codecs.lookup(named[1]).name
        except LookupError:
            known_as = ""
        charset = known_as if CHARSETS.fullmatch(known_as) else charset
    return body.decode(charset, "replace")


def parse_open_graph(text: str) -> dict[str, str]:
    """The properties of a page that a preview may show, as plain text; `og:image` may be relative to the page."""
    found = _collect(text)
    for name, substitutes in SUBSTITUTES.items():
        for substitute in substitutes:
            if name not in found and substitute in found:
                found[name] = found[substitute]
    kept = {name: value for name, value in sorted(found.items()) if name in KEPT}
    for name in URLS:
        if not kept.get(name, "").startswith(("https://", "http://")):
            kept.pop(name, None)
    return kept


def _collect(text: str) -> dict[str, str]:
    """The first value of every `<meta>`, and of `<title>` and `<link rel=image_src>` under names no `<meta>` can have."""
    found: dict[str, str] = {}
    for name, attributes, end in _scan_tags(text):
        if name == "meta":
            key, value = attributes.get("property") or attributes.get("name", ""), attributes.get("content", "")
            key = key.strip().lower()
        elif name == "link" and attributes.get("rel", "").lower() == "image_src":
            key, value = "<link>", attributes.get("href", "")
        elif name == "title":
            key, value = "<title>", text[end : end + 4 * VALUE_CHARACTERS_MAX].partition("<")[0]
        else:
            continue
        is_wanted = key in WANTED and key not in found and not (key[0] == "<" and name == "meta")
        if is_wanted and (plain := _build_plain(value)):
            found[key] = plain
    return found


def _build_plain(value: str) -> str:
    """Text without markup, control characters, and direction overrides that could disguise a link."""
    value = html.unescape(value[: 4 * VALUE_CHARACTERS_MAX])
    return _UNWANTED.sub(" ", value).strip()[:VALUE_CHARACTERS_MAX]


def _scan_tags(text: str) -> Iterator[Tag]:
    """Each opening tag of interest with its attributes and the place where it ends."""
    at = text.find("<")
    for _ in range(TAGS_MAX):
        if at < 0:
            return
        at += 1
        if text.startswith("!--", at):
            end = text.find("-->", at)
            if end < 0:
                return
            at = text.find("<", end)
            continue
        match = _TAG_NAME.match(text, at)
        name = match[0].lower() if match else ""
        if name in ("meta", "link", "title"):
            attributes, at = _scan_attributes(text, at + len(name))
            yield name, attributes, at
        elif name in RAW_TEXT_TAGS:
            at = _find_closing(text, name, at)
        elif name == "body":
            return
        at = text.find("<", at) if at >= 0 else -1


def _find_closing(text: str, name: str, at: int) -> int:
    """The place of `</name`, or -1."""
    closing = re.compile(rf"</{name}", re.IGNORECASE).search(text, at)
    return -1 if closing is None else closing.start() + 1


def _scan_attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag, the first of each name, and the place behind the tag."""
    attributes: dict[str, str] = {}
    for _ in range(ATTRIBUTES_MAX):
        at = _end_of(_GAP, text, at)
        name = _ATTRIBUTE_NAME.match(text, at)
        if name is None:
            return attributes, at + 1
        at = _end_of(_SPACE, text, name.end())
        value = ""
        if text.startswith("=", at):
            at = _end_of(_SPACE, text, at + 1)
            quote = text[at : at + 1]
            if quote and quote in "\"'":
                end = text.find(quote, at + 1)
                if end < 0:
                    return attributes, len(text)
                value, at = text[at + 1 : end], end + 1
            else:
                bare = _BARE_VALUE.match(text, at)
                value = bare[0] if bare else ""
                at += len(value)
        attributes.setdefault(name[0].lower(), value)
    return attributes, at


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()
