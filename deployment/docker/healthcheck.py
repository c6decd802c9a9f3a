"""Ends with 0 if the gateway answers 200 at HEALTH_URL, else with 1 and the reason. For images that have no curl.

It asks the address itself: no proxy is used, and a certificate made for another name than 127.0.0.1 is no fault.
"""

# ruff: noqa: INP001 - a script, no package
from __future__ import annotations

import os
import ssl
import sys
import urllib.error
import urllib.request

DEFAULT = "http://127.0.0.1:8080/health"
SECONDS = 8.0
"""Less than the 10 seconds after which the container engine gives up, so that the reason is told."""


def main() -> str | None:
    """What is wrong; None: nothing."""
    url = os.environ.get("HEALTH_URL") or DEFAULT  # noqa: TID251 - no part of the gateway
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked))
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            answer.read(65536)
    except urllib.error.HTTPError as error:
        with error:
            return f"{url}: {error.code} {error.read(2000).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
