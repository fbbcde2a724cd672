"""The compose file refers to what exists, and its containers have no rights they do not need."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointbook.settings import Settings
from tests.house.files import ROOT
from tests.house.test_documents import COMMANDS

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "api", "worker")


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_rights_it_does_not_need(service: str) -> None:
    container = SERVICES[service]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    user = re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE)[-1] if "build" in container else container["user"]
    assert not user.startswith(("root", "0"))
    published = [port.split(":")[0] for port in container.get("ports", [])]
    assert published in ([], ["127.0.0.1"])


def test_whoever_others_wait_for_says_when_it_is_well() -> None:
    for container in SERVICES.values():
        for name, wait in container.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[name] if healthy else name == "migrate"


@pytest.mark.parametrize("service", ["api", "worker"])
def test_they_are_given_what_they_need_for_mail_only_if_somebody_has_it(service: str) -> None:
    environment = SERVICES[service]["environment"]
    assert {name for name, value in environment.items() if value is None} == {
        "POINTBOOK_SMTP_URL",
        "POINTBOOK_MAIL_FROM",
        "POINTBOOK_PUBLIC_URL",
    }


@pytest.mark.parametrize("service", [name for name, it in SERVICES.items() if it["restart"] != "no"])
def test_whatever_keeps_running_says_when_it_is_well(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_a_worker_is_well_while_its_heartbeat_is_fresh(tmp_path: Path) -> None:
    named = SERVICES["worker"]["environment"]["POINTBOOK_HEARTBEAT_FILE"]
    program: str = SERVICES["worker"]["healthcheck"]["test"][-1]
    assert named in program
    file = tmp_path / "heartbeat"

    def check() -> int:
        words = [sys.executable, "-c", program.replace(named, str(file))]
        return subprocess.run(words, check=False, capture_output=True).returncode

    assert check() == 1
    file.touch()
    assert check() == 0
    os.utime(file, (time.time() - 31,) * 2)
    assert check() == 1


def test_everything_referred_to_exists(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "make-secrets", tmp_path / "deploy")
    subprocess.run([tmp_path / "deploy" / "make-secrets"], check=True, capture_output=True)
    for name, secret in COMPOSE["secrets"].items():
        made = tmp_path / secret["file"]
        assert made.read_text().strip(), name
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    used = {secret for container in SERVICES.values() for secret in container.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    for container in SERVICES.values():
        for volume in container.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_secrets_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "make-secrets", tmp_path / "deploy")
    subprocess.run([script], check=True, capture_output=True)
    before = (tmp_path / "secrets" / "pointbook_secret").read_text()
    again = subprocess.run([script], check=False, capture_output=True)
    assert again.returncode == 1
    assert (tmp_path / "secrets" / "pointbook_secret").read_text() == before


def test_our_containers_are_given_settings_that_exist(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "make-secrets", tmp_path / "deploy")
    subprocess.run([script], check=True, capture_output=True)
    fields = {f"pointbook_{name}" for name in Settings.model_fields}
    for service in OURS:
        assert set(SERVICES[service]["secrets"]) <= fields
        assert {name.lower() for name in SERVICES[service].get("environment", {})} <= fields
        assert tuple(SERVICES[service]["command"]) in COMMANDS
    # The names under /run/secrets are the ones that the process looks for.
    read = Settings(_secrets_dir=tmp_path / "secrets", _env_file=None)
    assert read.database_url is not None
    assert read.database_url.get_secret_value().startswith("postgresql://pointbook:")
    assert read.owner_database_url is not None
    assert read.redis_url is not None
    assert read.secret is not None


def test_the_image_is_built_from_what_is_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == let_in
    assert all((ROOT / name).exists() for name in let_in)
