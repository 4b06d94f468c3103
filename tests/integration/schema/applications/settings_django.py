"""What the Django applications' settings have in common; read by the application's own interpreter."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pymysql

pymysql.install_as_MySQLdb()

_url = urlsplit(os.environ["DATABASE_URL"])

SECRET_KEY = "throwaway"
USE_TZ = True
ROOT_URLCONF = "django.conf.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": f"django.db.backends.{_url.scheme}",
        "HOST": _url.hostname,
        "PORT": str(_url.port),
        "USER": _url.username,
        "PASSWORD": _url.password or "",
        "NAME": _url.path.lstrip("/"),
    }
}
OWN_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
SITE_ID = 1
