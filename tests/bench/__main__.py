"""Runs one benchmark by its name: `python -m tests.bench clock`."""

import importlib
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
django.setup()
importlib.import_module(f"tests.bench.{sys.argv.pop(1)}").main()
