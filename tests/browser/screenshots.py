"""Pictures of every screen, telephone and desktop, Arabic and English, light and dark: `python -m tests.browser.screenshots`."""

import argparse
import tempfile
from pathlib import Path

from tests.browser.stories import LOOKED_AT, run_story
from tests.browser.test_stories import find_link
from tests.servers import ROOT, build_zajil

SECONDS_MAX = 1800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "screenshots")
    parser.add_argument("--only", default="", help="a regular expression for the names of screens")
    parser.add_argument("--looks", default="", help="a regular expression for what is seen, such as phone-ar-dark")
    parser.add_argument(
        "--devices",
        default="desktop,phone",
        help="which of desktop, phone, narrow (320 px) and wide (4K), with commas between",
    )
    parser.add_argument(
        "--axe",
        action="store_true",
        help="hold the screens against the rules of accessibility instead of taking pictures",
    )
    options = parser.parse_args()
    settings = {} if options.axe else {"ZAJIL_LOOK_FOLDER": str(options.folder.absolute())}
    settings["ZAJIL_LOOK_DEVICES"] = options.devices
    if options.looks:
        settings["ZAJIL_LOOK_LOOKS"] = options.looks
    if options.only:
        settings["ZAJIL_LOOK_ONLY"] = options.only
    with tempfile.TemporaryDirectory(prefix="zajil-screenshots-") as folder:
        server = build_zajil(Path(folder), registration="token", rate_limits="on", **LOOKED_AT).start()
        try:
            run_story(server, "look", find_link(server), seconds_max=SECONDS_MAX, follow=True, **settings)
        finally:
            server.stop()
    print(f"{len(list(options.folder.glob('*.png')))} pictures in {options.folder}")


if __name__ == "__main__":
    main()
