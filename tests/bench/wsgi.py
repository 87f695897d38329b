"""What the web server of the couriers' benchmark runs: ours, and the reference beside it."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
settings.ROOT_URLCONF = "tests.bench.reference"
application = get_wsgi_application()
