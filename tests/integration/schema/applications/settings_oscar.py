"""Oscar, a shop: with all of its parts."""

from __future__ import annotations

import importlib

from settings_django import *  # type: ignore[import-not-found]  # noqa: F403
from settings_django import OWN_APPS

globals().update(
    {name: value for name, value in vars(importlib.import_module("oscar.defaults")).items() if name.isupper()}
)
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
_PARTS = (
    "analytics checkout address shipping catalogue catalogue.reviews communication partner basket payment offer order"
    " customer search voucher wishlists dashboard dashboard.reports dashboard.users dashboard.orders"
    " dashboard.catalogue dashboard.offers dashboard.partners dashboard.pages dashboard.ranges dashboard.reviews"
    " dashboard.vouchers dashboard.communications dashboard.shipping"
)


def _class(part: str) -> str:
    words = part.title().split(".")
    return "".join(reversed(words) if words[0] == "Dashboard" else words)


INSTALLED_APPS = [
    *OWN_APPS,
    "django.contrib.flatpages",
    "oscar.config.Shop",
    *(f"oscar.apps.{part}.apps.{_class(part)}Config" for part in _PARTS.split()),
    "widget_tweaks",
    "haystack",
    "treebeard",
    "sorl.thumbnail",
    "django_tables2",
]
