"""What a visitor keeps: a large upload, a connection that drops, a server that is started again."""

import re

import pytest

from tests import shop
from tests.app.browser_parts import (
    box,
    expect,
    expect_searched,
    history,
    shown_titles,
    titles,
    wait_until_run,
)
from tests.app.page_server import serve

SIDE = 2_308  # pixels: a bitmap of nearly 16 MB, which an upload may have


@pytest.fixture(scope="module")
def own_home(home, tmp_path_factory):
    return shop.copy(home, tmp_path_factory.mktemp("own") / "home")


@pytest.fixture(scope="module")
def running(own_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    options = ("app", "--host", "127.0.0.1", "--port", "PORT")
    with serve(own_home, folder, "vitrine", *options) as server:
        yield server


@pytest.fixture(scope="module")
def server(running):
    return running.address


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    file = tmp_path_factory.mktemp("photo") / "photo.bmp"
    shop.draw("kettle-teal", SIDE).save(file)
    assert 15.9e6 < file.stat().st_size < 16e6
    return file


def test_an_upload_of_16_mb_is_searched_with_and_not_kept_in_memory(page, running, photo):
    page.goto("/")
    wait_until_run(page)
    page.locator("input[type=file]").set_input_files(photo)
    expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"))
    expect(titles(page).first).to_have_text("teal kettle")
    assert "UploadedFileManager" not in running.get("metrics")


def test_a_connection_dropped_in_the_middle_of_a_run_is_taken_up_again(page):
    connections, dropping = [], []

    def relay(socket):
        upstream = socket.connect_to_server()
        connections.append(socket)

        def pass_on(message):
            if dropping:
                dropping.clear()
                upstream.close()
                socket.close()
            else:
                socket.send(message)

        upstream.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), relay)
    page.goto("/?q=teal")
    expect_searched(page, 16)
    wait_until_run(page)
    entries = history(page)
    dropping.append(True)
    box(page).fill("coral kettle")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile(r"q=coral\+kettle"))
    wait_until_run(page)
    expect(titles(page).first).to_have_text("coral kettle")
    assert len(connections) == 2
    assert history(page) == entries + 1


def test_the_view_comes_back_when_the_server_is_started_again(page, running, own_home, photo):
    page.goto("/?q=coral&category=Beauty")
    wait_until_run(page)
    page.locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_role("heading", name="Picture alone")).to_be_visible()
    shown, address = shown_titles(page), page.url
    running.kill()
    (own_home / "demo.md").write_text("The new server shows this.")
    running.start()
    expect(page.get_by_text("The new server shows this.")).to_be_visible()
    expect(titles(page)).to_have_text(shown)
    expect(page).to_have_url(address)
    box(page).fill("navy")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile("q=navy"))
    expect(page.get_by_role("heading", name="Picture alone")).to_be_visible()
    wait_until_run(page)
    page.go_back()
    expect(page).to_have_url(address)
    expect(box(page)).to_have_value("coral")
