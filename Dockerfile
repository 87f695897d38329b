FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    PATH=/opt/venv/bin:$PATH VAR_DIR=/var/lib/backoffice STATIC_ROOT=/opt/static \
    GUNICORN_CMD_ARGS="--bind=0.0.0.0:8000 --workers=2 --worker-tmp-dir=/dev/shm"

RUN useradd --uid 1000 --create-home --home-dir /var/lib/backoffice backoffice \
    && python -m venv /opt/venv

WORKDIR /app
# The pins first: the layer lasts until they change.
COPY requirements/s3.txt requirements/s3.txt
RUN pip install --require-hashes --no-deps --only-binary :all: -r requirements/s3.txt

COPY . .
# The files that pages name by their content; no secret and no database is needed for that.
RUN mkdir /opt/static && VAR_DIR=/tmp/build STATIC_MANIFEST=1 python manage.py collectstatic --noinput \
    && rm -r /tmp/build
ENV STATIC_MANIFEST=1

USER 1000
VOLUME /var/lib/backoffice
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "backoffice.wsgi", "--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "10", "--no-control-socket", "--access-logfile", "-"]
