"""What alertmanager.yml needs so that Alertmanager reports to Baken: a receiver, and the route to it."""

import json
from typing import Any

import yaml

from baken import __version__

PATH = "/api/alertmanager/webhook"
"""Where Alertmanager reports, below Baken's address."""

RECEIVER = "baken"
TOKEN_FILE = "/etc/alertmanager/baken.token"  # noqa: S105 - where the token is to be put, not the token

ALWAYS_FIRING = ("Watchdog", "InfoInhibitor", "DeadMansSwitch")
"""Alerts that fire as long as all is well: they are for a monitor that expects them."""

MOST_ALERTS = 500
"""Alerts in one message; Baken reads a megabyte."""

_HEAD = """\
# Alertmanager reports to Baken. Made by Baken {version} with `baken export alertmanager-config`.
#
# Put the receiver under `receivers:` of alertmanager.yml, and the route first under `routes:` of your own `route:`.
# `continue: true` lets the alerts go on to the routes that follow; the receiver of `route:` itself gets only what none
# of its routes takes. So the last one leads everything to `yours`: whoever is told today.
# {secret}
# Check it with `amtool check-config`, and reload Alertmanager.
"""
_IN_FILE = "{file} holds incoming.alertmanager_token of Baken's settings, for Alertmanager alone."
_IN_HERE = "This file holds a secret: incoming.alertmanager_token of Baken's settings."


def text(base: str, *, token_file: str = TOKEN_FILE, token: str | None = None) -> str:
    """A whole configuration with Baken's receiver and route.

    Args:
        base: Baken's address as Alertmanager reaches it, without a slash at its end.
        token_file: where Alertmanager reads the token.
        token: the token itself, to stand in the text; None: the file is named.
    """
    authorization = {"credentials": token} if token is not None else {"credentials_file": token_file}
    names = "|".join(ALWAYS_FIRING)
    made: dict[str, Any] = {
        "route": {
            "receiver": "yours",
            "routes": [
                {
                    "receiver": RECEIVER,
                    # What Baken itself has told comes not back; it would be ignored.
                    "matchers": [_matcher("source", "!=", "baken"), _matcher("alertname", "!~", names)],
                    "continue": True,
                    "group_by": ["alertname"],
                    "group_wait": "5s",
                    "group_interval": "10s",
                    "repeat_interval": "1h",
                },
                {"receiver": "yours"},
            ],
        },
        "receivers": [
            {"name": "yours"},
            {
                "name": RECEIVER,
                "webhook_configs": [
                    {
                        "url": f"{base}{PATH}",
                        "send_resolved": True,
                        "max_alerts": MOST_ALERTS,
                        "http_config": {"authorization": authorization},
                    }
                ],
            },
        ],
    }
    said = _IN_HERE if token is not None else _IN_FILE.format(file=token_file)
    head = _HEAD.format(version=__version__, secret=said)
    return head + yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=120)


def _matcher(name: str, sign: str, value: str) -> str:
    return f"{name}{sign}{json.dumps(value, ensure_ascii=False)}"
