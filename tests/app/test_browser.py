"""The page in a real browser, served by a real server.

Screenshots go to the folder that VITRINE_SCREENSHOTS names, else to pytest's own.
"""

import base64
import os
import re
from pathlib import Path

import pytest

from tests import shop
from tests.app.browser_parts import (
    DESKTOP,
    PHONE,
    box,
    escaped,
    expect,
    expect_scrolled,
    expect_searched,
    expect_value,
    history,
    main,
    shown_titles,
    titles,
    wait_until_run,
)
from tests.app.conftest import MAIN, MARKUP
from tests.app.page_parts import drawn
from tests.app.page_server import serve

THEME = "rgb(138, 59, 82)"  # the primary colour of app/.streamlit/config.toml


@pytest.fixture
def shoot(tmp_path):
    """Saves the page as it stands, at desktop and phone width."""
    folder = Path(os.environ.get("VITRINE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def saved(page, name):
        wait_until_run(page)
        for kind, (width, height) in (("phone", PHONE), ("desktop", DESKTOP)):
            page.set_viewport_size({"width": width, "height": height})
            file = folder / f"{name}-{kind}.png"
            page.screenshot(path=file)
            assert file.stat().st_size > 10_000  # something is on it

    return saved


def test_the_theme_is_in_effect_from_any_folder(page, home, tmp_path):
    page.goto("/")
    expect(page.get_by_role("button", name="Search", exact=True)).to_have_css(
        "background-color", THEME
    )
    options = ("run", str(MAIN), "--server.port", "PORT", "--server.address", "127.0.0.1")
    with serve(home, tmp_path, "streamlit", *options) as other:
        page.goto(other.address)
        expect(page.get_by_role("button", name="Search", exact=True)).to_have_css(
            "background-color", THEME
        )


def test_a_person_types_narrows_and_goes_back(page, shoot):
    page.goto("/")
    expect(main(page).get_by_text("16 products. Type words")).to_be_visible()
    shoot(page, "first")
    box(page).fill("coral kettle")
    box(page).press("Enter")
    expect_searched(page, 16)
    expect(page).to_have_url(re.compile(r"q=coral\+kettle"))
    everything = shown_titles(page)
    page.get_by_role("button", name="Beauty (6)").click()
    expect_searched(page, 6)
    expect(page).to_have_url(re.compile("category=Beauty"))
    expect(titles(page)).to_contain_text(["lipstick"] * 6)
    shoot(page, "words")
    page.go_back()
    expect_searched(page, 16)
    expect(titles(page)).to_have_text(everything)


def test_a_person_uploads_a_picture_beside_words(page, shoot, tmp_path):
    photo = tmp_path / "photo.png"
    shop.draw("lipstick-navy").save(photo)
    page.goto("/?q=coral&category=Beauty")
    page.locator("input[type=file]").set_input_files(photo)
    for heading in ("Words alone", "Picture alone"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"))
    shoot(page, "both")
    found = shown_titles(page)
    page.reload()
    expect(page.get_by_role("heading", name="Picture alone")).to_be_visible()
    expect(titles(page)).to_have_text(found)


def test_a_part_of_the_picture_is_chosen_by_keys_and_by_dragging(page, tmp_path):
    photo = tmp_path / "photo.png"
    shop.draw("lipstick-navy").save(photo)
    page.goto("/?q=coral")
    page.locator("input[type=file]").set_input_files(photo)
    left = page.get_by_role("slider", name="Left edge")
    left.press("PageDown")
    left.press("ArrowRight")
    expect(page).to_have_url(re.compile("crop=11%2C0%2C100%2C100"))
    expect(left).to_be_focused()
    wait_until_run(page)
    shown = page.get_by_alt_text("The picture you are searching with")
    shown.scroll_into_view_if_needed()  # which waits until it moves no more
    picture = shown.bounding_box()
    across, down = picture["width"], picture["height"]
    page.mouse.move(picture["x"] + across - 1, picture["y"] + down / 4)
    page.mouse.down()
    page.mouse.move(picture["x"] + across / 2, picture["y"] + down / 4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"crop=11%2C0%2C(49|50|51)%2C100"))


def test_a_picture_is_pasted_or_dropped_anywhere_on_the_page(page):
    page.goto("/")
    for act, transfer in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        box(page).wait_for()
        wait_until_run(page)
        page.evaluate(
            """async ([name, transfer, picture]) => {
                const data = new DataTransfer();
                const bytes = await (await fetch(picture)).blob();
                data.items.add(new File([bytes], "photo.png", {type: "image/png"}));
                const kind = name === "paste" ? ClipboardEvent : DragEvent;
                const options = {bubbles: true, cancelable: true, [transfer]: data};
                document.querySelector("h1, p").dispatchEvent(new kind(name, options));
            }""",
            [act, transfer, picture_address("lipstick-navy")],
        )
        expect(page).to_have_url(re.compile("upload=[0-9a-f]{64}"))
        page.get_by_role("button", name="Remove the picture").click()
        expect(page).not_to_have_url(re.compile("upload="))


def picture_address(product_id):
    """A product's picture as a data address."""
    return f"data:image/png;base64,{base64.b64encode(drawn(product_id)).decode()}"


# Of the suggestion that the search box names as the active one.
CHOSEN = """() => document.getElementById(
    document.activeElement.getAttribute("aria-activedescendant")
)?.ariaSelected"""


def test_suggestions_are_chosen_by_keys_and_searched_for(page):
    page.goto("/")
    wait_until_run(page)
    entries = history(page)
    box(page).press_sequentially("coral k")
    expect(page.get_by_role("option").first).to_contain_text("coral kettle")
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    wait_until_run(page)  # until then the list may be drawn anew, with none of it chosen
    assert history(page) == entries
    box(page).press("ArrowDown")
    expect_value(page, CHOSEN, "true")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile(r"q=coral\+kettle$"))
    expect(page.get_by_role("option")).to_have_count(0)
    assert history(page) == entries + 1
    box(page).fill("teal lip")
    page.get_by_role("option", name="teal lipstick").first.click()
    expect(page).to_have_url(re.compile(r"q=teal\+lipstick$"))
    expect(box(page)).to_have_value("teal lipstick")


def test_escape_closes_the_suggestions_and_enter_searches_for_what_is_typed(page):
    page.goto("/")
    wait_until_run(page)
    box(page).press_sequentially("ketttle")
    expect(page.get_by_role("option").first).to_contain_text("Did you mean")
    box(page).press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box(page)).to_have_value("ketttle")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile("q=ketttle$"))


# Types "navy", and presses Enter right after suggestions are requested: Streamlit sends one message
# with both.
TYPE_AND_SEARCH = """box => {
    const later = window.setTimeout;
    window.setTimeout = (request, pause) => {
        window.setTimeout = later;
        return later(() => {
            request();
            const enter = {key: "Enter", keyCode: 13, bubbles: true, cancelable: true};
            box.dispatchEvent(new KeyboardEvent("keydown", enter));
        }, pause);
    };
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, "navy");
    box.dispatchEvent(new Event("input", {bubbles: true}));
}"""


def test_words_sent_together_with_a_request_for_suggestions_are_searched_for(page):
    page.goto("/?q=teal+kettle&page=2")
    wait_until_run(page)
    entries = history(page)
    box(page).focus()
    box(page).evaluate(TYPE_AND_SEARCH)
    expect(page).to_have_url(re.compile("q=navy$"))
    assert shown_titles(page)[0].startswith("navy")
    expect(box(page)).to_have_value("navy")
    assert history(page) == entries + 1


def test_a_broken_upload_is_reported_in_a_sentence(page, tmp_path):
    words = tmp_path / "photo.jpg"
    words.write_text("not a photo")
    page.goto("/")
    page.locator("input[type=file]").set_input_files(words)
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        "is no picture; the formats that are read are JPEG"
    )


# Streamlit has the reason in a box of one pixel.
REASON = "() => document.querySelector('.st-key-uploader [role=alert]').clientHeight > 9"


def test_an_upload_above_the_cap_is_reported_by_the_browser(page, tmp_path):
    huge = tmp_path / "photo.jpg"
    with huge.open("wb") as file:
        file.truncate(17 * 2**20)
    page.goto("/")
    page.locator("input[type=file]").set_input_files(huge)
    expect(page.get_by_text("16.0MB or smaller")).to_be_visible()
    expect_value(page, REASON, True)


def test_a_product_opens_at_its_heading_and_back_returns_to_its_card(page, shoot):
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto("/?q=teal&k=9")
    expect(page.get_by_role("link", name="Next page")).to_be_visible()
    title = shown_titles(page)[-1]
    last = titles(page).last
    last.click()
    heading = page.get_by_role("heading", name=title, level=1)
    expect(heading).to_be_focused()
    expect_scrolled(page, False)
    expect(page).to_have_url(re.compile("q=teal&k=9&product="))
    entries = history(page)
    shoot(page, "product")
    page.set_viewport_size({"width": 390, "height": 500})
    for go_back in (page.go_back, page.get_by_role("link", name="Back to the results").click):
        wait_until_run(page)  # Streamlit loses a step back during a run
        go_back()
        expect(last).to_be_focused()
        expect(last).to_be_in_viewport()
        expect_scrolled(page, True)
        last.click()
        expect(heading).to_be_focused()
    assert history(page) == entries + 2  # the link, and the product after it


def test_each_act_is_one_entry_of_the_history_and_reload_changes_nothing(page):
    page.goto("/")
    expect(main(page).get_by_text("16 products. Type words")).to_be_visible()
    before = history(page)
    box(page).fill("teal")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=teal$"))
    page.get_by_role("button", name="Beauty (6)").click()
    expect(page).to_have_url(re.compile("q=teal&category=Beauty$"))
    expect_searched(page, 6)
    narrowed = shown_titles(page)
    page.get_by_role("link", name="Catalogue").click()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    page.get_by_role("link", name="Search").click()
    expect(page).to_have_url(re.compile(r"/\?q=teal&category=Beauty$"))
    expect_searched(page, 6)
    expect(titles(page)).to_have_text(narrowed)
    assert history(page) == before + 4
    page.reload()
    expect_searched(page, 6)
    expect(titles(page)).to_have_text(narrowed)
    assert history(page) == before + 4
    for part, shown in (  # each view is waited for: Streamlit loses a step back before it is shown
        ("/catalogue", "Last runs"),
        ("category=Beauty$", "6 products searched"),
        (r"\?q=teal$", "16 products searched"),
        ("/$", "16 products. Type words"),
    ):
        page.go_back()
        expect(main(page).get_by_text(re.compile(f"^{shown}"))).to_be_visible()
        expect(page).to_have_url(re.compile(part))
        wait_until_run(page)
    page.go_forward()
    expect(box(page)).to_have_value("teal")
    assert history(page) == before + 4


def test_a_shared_address_opens_the_same_view_elsewhere(page, browser, server):
    page.goto("/?q=navy&brand=Acme&price_max=90&k=2&page=2")
    expect(page.get_by_text("Page 2")).to_be_visible()
    expect(box(page)).to_have_value("navy")
    expect(titles(page)).to_have_count(2)
    shown = shown_titles(page)
    context = browser.new_context()
    elsewhere = context.new_page()
    elsewhere.goto(page.url)
    expect(elsewhere.get_by_text("Page 2")).to_be_visible()
    expect(titles(elsewhere)).to_have_text(shown)
    context.close()


def test_untrusted_text_is_shown_as_it_is(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/?q=odd&category=%3Ci%3EOdd%3C/i%3E")
    expect(page.get_by_role("button", name="<i>Odd</i> (2)")).to_be_visible()
    expect(titles(page).filter(has_text=escaped(MARKUP))).to_be_visible()
    captions = page.get_by_test_id("stMain").get_by_test_id("stCaptionContainer")
    brand = escaped("**b** [l](http://evil.test) <b>x</b>")
    expect(captions.filter(has_text=brand).first).to_be_visible()
    page.goto("/?q=odd&category=" + "[l](http://evil.test) www.evil.test :smile: <b>x</b>")
    warning = page.get_by_test_id("stAlert")
    expect(warning).to_contain_text("No product has the category")
    expect(warning).to_contain_text(
        escaped("“[l](http://evil.test) www.evil.test :smile: <b>x</b>”")
    )
    wait_until_run(page)
    hosts = page.locator("a").evaluate_all("links => links.map(link => link.hostname)")
    assert set(hosts) <= {"127.0.0.1"}  # links of the page carry its state, and so the text
    assert not any("evil.test" in url for url in asked if not url.startswith(page.url[:20]))


def test_a_browser_sends_no_request_to_a_third_party(page, server):
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto("/?q=coral")
    expect(page.get_by_text("products searched")).to_be_visible()
    icons = link_addresses(page)
    page.get_by_role("link", name="Catalogue").click()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    wait_until_run(page)
    icons += link_addresses(page)  # Chromium without a window loads no icons
    own = (server, server.replace("http", "ws", 1), "data:", "blob:")
    assert icons
    assert [url for url in requested + icons if not url.startswith(own)] == []


def link_addresses(page):
    """What the page's head links to: style sheets and icons."""
    return page.eval_on_selector_all("link[href]", "links => links.map(link => link.href)")


def test_the_second_page_shows_the_catalogue(page, shoot):
    page.goto("/")
    page.get_by_role("link", name="Catalogue").click()
    expect(page.get_by_role("heading", name="Catalogue")).to_be_visible()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    shoot(page, "catalogue")
    page.get_by_role("link", name="Search").click()
    expect(main(page).get_by_text("16 products. Type words")).to_be_visible()
