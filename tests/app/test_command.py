import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app.__main__ import app
from tests.app.conftest import MAIN
from tests.app.page_server import serve


def test_the_page_is_served_from_another_folder_until_ctrl_c(home, tmp_path):
    with serve(home, tmp_path, "vitrine", "app", "--host", "127.0.0.1", "--port", "PORT") as server:
        assert server.get("health") == "ok"
        status, written = server.press_ctrl_c()
    assert status == 0
    assert "Traceback" not in written


def test_other_options_are_those_of_streamlit(home, tmp_path):
    options = ("--server.port", "PORT", "--server.baseUrlPath", "shop")
    with serve(home, tmp_path, "vitrine", "app", *options, path="/shop") as server:
        assert server.get("health") == "ok"


def test_streamlit_run_serves_the_script_from_another_folder(home, tmp_path):
    options = ("run", str(MAIN), "--server.port", "PORT")
    with serve(home, tmp_path, "streamlit", *options) as server:
        assert server.get("health") == "ok"


def test_help_names_the_options_without_loading_streamlit():
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "--port" in shown
    assert "--host" in shown
    code = "import sys, app.__main__; assert 'streamlit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("options", [("--port", "0"), ("--port", "x"), ("--server.prt", "8600")])
def test_a_wrong_option_is_wrong_usage(options):
    assert CliRunner().invoke(app, options).exit_code == 2
