"""All settings, one file; what varies comes from the environment. Times are seconds.

Nothing set: SQLite, no broker, mail and uploads in var/; the process runner adds a broker.
HTTPS=1 means real: secrets must be given, and nothing is made up.
"""

import contextlib
import os
import secrets
from pathlib import Path

import django_stubs_ext
import environ
from celery.schedules import crontab
from cryptography.fernet import Fernet

from backoffice.logs import logging_config
from backoffice.sqlite import give_django_the_newer_sqlite

# So that a class can say whose admin it is, as mypy wants it: ModelAdmin[Case].
django_stubs_ext.monkeypatch()

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=False)


def _secret(name: str, made_up: str) -> str:
    """The secret from the environment, or one made up once and kept in var/, but not for real."""
    if given := os.environ.get(name):
        return given
    if HTTPS:
        raise environ.ImproperlyConfigured(f"Set {name}: with HTTPS=1 no secret is made up.")
    file = VAR_DIR / name.lower()
    mine = VAR_DIR / f"{name.lower()}.{os.getpid()}"
    if not file.exists():
        mine.touch(mode=0o600)
        mine.write_text(made_up)
        # Of several processes that start at once, the first to link decides for all.
        with contextlib.suppress(FileExistsError):
            os.link(mine, file)
        mine.unlink()
    return file.read_text()


# --- Ours ---------------------------------------------------------------------------------------

# The clock can be moved only with this (returns.clock).
SIMULATION = env.bool("SIMULATION", default=False)
# What follows which event: looked up by name as ROOT_URLCONF is, so that no app imports the roof.
ROOT_REACTIONS = env.str("ROOT_REACTIONS", default="backoffice.reactions")
MARKETPLACE = env.str("MARKETPLACE", default="Marketplace")
BANK_URL = env.str("BANK_URL", default="")
BANK_KEY = env.str("BANK_KEY", default="" if HTTPS else "sandbox")
BANK_TIMEOUT = env.float("BANK_TIMEOUT", default=5.0)
# The couriers' sandbox of a simulation (couriers_sandbox).
COURIERS_URL = env.str("COURIERS_URL", default="")
COURIERS_TOKEN = env.str("COURIERS_TOKEN", default="sandbox")
# Sandbox couriers answer on the loopback; real ones never do.
COURIERS_ON_LOOPBACK = env.bool("COURIERS_ON_LOOPBACK", default=SIMULATION)
# Encrypts the couriers' signing secrets at rest. Comma separated: the first encrypts, all decrypt.
COURIER_SECRETS_KEYS = [
    key.strip()
    for key in _secret("COURIER_SECRETS_KEYS", Fernet.generate_key().decode()).split(",")
]

# Messages and looks of couriers, as moving windows: 100 per 5 seconds is 20 a second with a burst
# of 100. A simulated day is over in seconds: nobody is held up then.
_TIMES = env.int("COURIER_LIMITS_TIMES", default=1_000 if SIMULATION else 1)
COURIER_LIMITS = {
    "call": f"{100 * _TIMES} per 5 seconds",  # from one address, before anything is looked at
    "courier": f"{100 * _TIMES} per 5 seconds",  # signed by one courier
    "ping": f"{6 * _TIMES} per 1 minute",
    "read": f"{25 * _TIMES} per 5 seconds",  # with one read key
    "bad": f"{60 * _TIMES} per 1 minute",  # not believed, from one address in one name; then
    "penalty": "1 per 15 minutes",
}
# Where all processes count together; empty: each for itself.
_REDIS = env.str("REDIS_URL", default="")
COURIER_LIMITS_STORE = _REDIS if _REDIS.startswith("redis") else ""

# --- Django -------------------------------------------------------------------------------------

SECRET_KEY = _secret("SECRET_KEY", secrets.token_urlsafe(50))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where the world finds us: printed into the codes that counters scan. Without a slash at its end.
PUBLIC_URL = (
    env.str("PUBLIC_URL", default="")
    or (f"https://{ALLOWED_HOSTS[0]}" if HTTPS else "http://127.0.0.1:8000")
).rstrip("/")

INSTALLED_APPS = [
    "backoffice",
    "returns",
    "logistics",
    "refunds",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "backoffice.logs.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"

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

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Database -----------------------------------------------------------------------------------

# Empty is unset, here and below: that is how compose passes on what nobody gave.
DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR}/db.sqlite3"
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
# Kept between requests and between tasks, and asked whether it still lives before it is used.
DATABASES["default"] |= {"CONN_MAX_AGE": 300, "CONN_HEALTH_CHECKS": True}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    give_django_the_newer_sqlite()
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        # A transaction that reads and then writes fails at once when it begins deferred.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# Each process its own: a page must answer while Redis is away.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Files, mail --------------------------------------------------------------------------------

# Private: there is no MEDIA_URL, every file goes through a door that asks who wants it.
MEDIA_ROOT = VAR_DIR / "media"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATIC_MANIFEST = env.bool("STATIC_MANIFEST", default=False)
WHITENOISE_USE_FINDERS = not STATIC_MANIFEST

STORAGES: dict[str, dict[str, object]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
if MEDIA_BUCKET := env.str("MEDIA_BUCKET", default=""):
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": MEDIA_BUCKET,
            "endpoint_url": env.str("MEDIA_ENDPOINT_URL", default="") or None,
            "default_acl": "private",
            "file_overwrite": False,
        },
    }

if env.str("EMAIL_URL", default=""):
    globals().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="returns@marketplace.example")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Security -----------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Only where a proxy sets or strips X-Forwarded-Proto and adds to X-Forwarded-For: otherwise anyone
# may claim to be on HTTPS, or to be somebody else.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The health check of a container speaks plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]

# --- The shop's door ----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["backoffice.shop.authentication.BearerKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "backoffice.problems.handler",
    "UNAUTHENTICATED_USER": None,
    # `?format=` is the label's, not the renderer's.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Returns back office",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    # Browsable without the internet.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Celery: the doorbell, never the memory -----------------------------------------------------

# Without a broker a ring goes nowhere; the sweep finds what is due once there is one.
CELERY_BROKER_URL = env.str("REDIS_URL", default="") or "memory://"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=2)
CELERY_TASK_SOFT_TIME_LIMIT = 100
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# Celery closes the database connection around every task otherwise, half the throughput.
# What that leaves open and dead, backoffice.celery replaces.
CELERY_DB_REUSE_MAX = 1_000

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for its broker for ever; a web request does not wait for it.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0.1,
    "interval_step": 0,
    "interval_max": 0.1,
}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # When a worker dies with all its processes, its messages come back after this; minutes,
    # since it must be longer than any task. The two below look every 5 s, not every 100 s.
    "visibility_timeout": 180,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Longer than the worker's blocking read of 1 s.
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    **CELERY_TASK_PUBLISH_RETRY_POLICY,
}

CELERY_TASK_DEFAULT_QUEUE = "cases"
# The first that fits.
CELERY_TASK_ROUTES = (
    [
        ("returns.tasks.send_*", {"queue": "mail"}),
        ("returns.tasks.*evidence*", {"queue": "media"}),
        ("returns.tasks.*", {"queue": "cases"}),
        ("refunds.tasks.*", {"queue": "money"}),
        ("logistics.tasks.render_*", {"queue": "media"}),
        ("logistics.tasks.*", {"queue": "couriers"}),
        ("backoffice.tasks.*", {"queue": "clock"}),
    ],
)

# How often beat rings. A ring that nobody heard before the next one is worth nothing: it expires.
BEAT_SECONDS = env.float("BEAT_SECONDS", default=5.0)


def _ring(task: str, **options: str) -> dict[str, object]:
    return {
        "task": task,
        "schedule": BEAT_SECONDS,
        "options": {"expires": max(BEAT_SECONDS, 5.0), **options},
    }


CELERY_BEAT_SCHEDULE_FILENAME = env.str("BEAT_SCHEDULE", default=str(VAR_DIR / "beat-schedule"))
CELERY_BEAT_SCHEDULE = {
    # The periodic ring has its own queue: behind bulk work it starved.
    "ring-cases": _ring("returns.tasks.ring_cases", queue="clock"),
    "run-reactions": _ring("returns.tasks.run_reactions", queue="clock"),
    "send-notices": _ring("returns.tasks.send_notices"),
    "pay-due": _ring("refunds.tasks.pay_due"),
    "deliver-outbox": _ring("logistics.tasks.deliver_outbox"),
    "project-events": _ring("logistics.tasks.project_events"),
    "render-labels": _ring("logistics.tasks.render_labels"),
    "import-points": _ring("logistics.tasks.import_points"),
    "watch-unmatched": {**_ring("logistics.tasks.watch_unmatched"), "schedule": 60.0},
    "watch-numbers": {**_ring("logistics.tasks.watch_numbers"), "schedule": 60.0},
    "watch-pickups": _ring("logistics.tasks.watch_pickups"),
    "warn-of-ending-secrets": {
        **_ring("logistics.tasks.warn_of_ending_secrets"),
        "schedule": 60.0,
    },
    "purge-messages": {
        "task": "logistics.tasks.purge_messages",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"expires": 3_600},
    },
    "ask-carriers": {**_ring("logistics.tasks.ask_carriers"), "schedule": 60.0},
    "daily-invariants": {
        "task": "backoffice.tasks.daily_invariants",
        "schedule": crontab(hour="3", minute="0"),
        "options": {"expires": 3_600},
    },
}
# Touched by a worker that is in touch with its broker; empty: not.
WORKER_ALIVE_FILE = env.str("WORKER_ALIVE_FILE", default="")

# --- Logs ---------------------------------------------------------------------------------------

LOGGING_CONFIG = None
LOGGING = logging_config(
    json=env.bool("LOG_JSON", default=HTTPS), level=env.str("LOG_LEVEL", default="INFO")
)
