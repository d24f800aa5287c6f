"""The page in a browser, from a dropped song to its visible result."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pytest

from audio_files import encode
from conftest import noise

pytest.importorskip("gradio", reason="the extra app is not installed")
pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no browser: apt-get install chromium chromium-driver",
)

MAX_MEGABYTES = 2
SECONDS = 12

# `genreclf app`, noting each address that the process listens at, calls or looks up.
WATCHED = """
import sys

def note(event, arguments):
    if event == "socket.getaddrinfo":
        calls.write(f"{event} {arguments[0]}\\n")
    elif event in ("socket.bind", "socket.connect", "socket.sendto"):
        if isinstance(arguments[1], tuple):
            calls.write(f"{event} {arguments[1][0]}\\n")

calls = open(sys.argv[1], "w", buffering=1)
sys.addaudithook(note)
from genreclf.cli import main
main(sys.argv[2:])
"""


class Site(NamedTuple):
    """A running server: its process and URL, the folder of its uploads, and two logs.

    The network calls of the process are in `calls`, its standard error in `errors`.
    """

    process: subprocess.Popen
    url: str
    folder: Path
    calls: Path
    errors: Path

    def uploads(self):
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    temporary, errors = folder / "temporary", folder / "errors"
    temporary.mkdir()
    command = [sys.executable, "-c", WATCHED, str(folder / "calls"), "app", "--port", "0"]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--max-size", str(MAX_MEGABYTES)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=folder,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
    try:
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert url, line + errors.read_text()
        yield Site(process, url[0], temporary, folder / "calls", errors)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",  # tests may run as root
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1000,1600",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ):
        options.add_argument(argument)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    driver.downloads = downloads
    yield driver
    driver.quit()


@pytest.fixture
def page(site, browser):
    return Page(browser, site.url)


class Page:
    """The page, newly opened."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.get(url)
        self.one("#song input[type=file]")

    def wait(self, condition):
        return WebDriverWait(self.browser, 30).until(lambda _: condition())

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The first such element, once there is one."""
        return self.wait(lambda: self.all(selector))[0]

    def visible(self, selector):
        return self.wait(lambda: [found for found in self.all(selector) if found.is_displayed()])[0]

    def drop(self, selector, *paths):
        self.one(f"{selector} input[type=file]").send_keys("\n".join(map(str, paths)))

    def text(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def played(self):
        return self.browser.execute_script(
            "return document.querySelector('.gc-player audio').currentTime"
        )


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Noise, then a hum."""
    samples = noise(SECONDS, seed=3)
    half = len(samples) // 2
    samples[half:] = 0.3 * np.sin(2 * np.pi * 110 * np.arange(len(samples) - half) / 22050)
    path = tmp_path_factory.mktemp("music") / "my song.wav"
    encode(path, samples, 22050, "wav")
    return path


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    path = tmp_path_factory.mktemp("notes") / "notes.mp3"
    path.write_text("no music, only notes\n" * 50)
    return path


def test_a_dropped_song_gets_a_visible_result(page, song):
    page.drop("#song", song)
    genre = page.visible("#result .gc-genre").text
    bars = [bar.text.split() for bar in page.all("#result .gc-bar")]
    assert bars[0][0] == genre
    assert page.visible("#result .gc-confidence").text == f"{bars[0][1]} confidence"
    assert len(bars) == 10
    for picture in page.all("#result .gc-plot img"):
        assert picture.is_displayed()
        assert int(picture.get_property("naturalWidth")) > 100
    assert "my song.wav, 0:12" in page.text()


def test_a_click_on_the_picture_or_the_table_plays_from_there(page, song):
    page.drop("#song", song)
    plot = page.visible(".gc-plot")
    quarter = round(plot.size["width"] / 4)
    ActionChains(page.browser).move_to_element_with_offset(plot, quarter, 0).click().perform()
    page.wait(lambda: page.played() > 0.75 * SECONDS)
    assert page.played() < 0.9 * SECONDS
    cursor = page.one(".gc-cursor").location["x"] - plot.location["x"]
    assert cursor / plot.size["width"] == pytest.approx(page.played() / SECONDS, abs=0.1)
    button = page.visible("[data-seek]")
    button.click()
    page.wait(lambda: page.played() < 0.75 * SECONDS)
    assert not page.visible(".gc-player audio").get_property("paused")


def test_a_text_file_with_the_name_of_a_song_is_an_error(page, notes):
    page.drop("#song", notes)
    error = page.visible("#result .gc-error")
    assert error.text.startswith("That did not work. notes.mp3 is not a readable audio file")
    assert "Traceback" not in page.browser.page_source


def test_the_next_song_replaces_an_error(page, notes, song):
    page.drop("#song", notes)
    page.visible("#result .gc-error")
    page.one("#song button[aria-label='Clear']").click()
    page.wait(lambda: not page.all("#result .gc-error"))
    page.drop("#song", song)
    page.visible("#result .gc-genre")


def test_the_page_refuses_a_file_that_is_too_large(page, tmp_path):
    large = tmp_path / "large.wav"
    large.write_bytes(bytes(MAX_MEGABYTES * 2**20 + 1))
    page.drop("#song", large)
    page.wait(lambda: "exceed the maximum allowed size" in page.text())
    assert "large.wav" in page.text()
    assert f"(up to {MAX_MEGABYTES} MB)" in page.text()


def test_the_server_refuses_a_file_that_is_too_large(site):
    status, _ = request(site, "upload", upload("a.wav", bytes(MAX_MEGABYTES * 2**20 + 1)))
    assert status == 413


def test_a_recording_gets_a_result(page):
    page.visible("#recording .record-button").click()
    page.visible("#recording .stop-button")
    page.browser.execute_async_script("setTimeout(arguments[0], 1500)")
    page.visible("#recording .stop-button").click()
    page.visible("#result .gc-genre")


def test_many_songs_give_a_table_to_download(page, song, notes):
    next(tab for tab in page.all("button[role=tab]") if tab.text == "Many songs").click()
    page.drop("#songs", song, notes)
    page.visible("#results .gc-files")
    assert "2 files, 1 failed" in page.text()
    page.visible("#csv").click()
    saved = page.browser.downloads / "genres.csv"
    page.wait(saved.exists)
    rows = list(csv.DictReader(io.StringIO(saved.read_text())))
    assert [row["path"] for row in rows] == ["my song.wav", "notes.mp3"]
    assert rows[0]["genre"] in page.visible("#results .gc-files").text


def test_many_songs_fit_on_a_phone(page, song, notes):
    size = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        next(tab for tab in page.all("button[role=tab]") if tab.text == "Many songs").click()
        page.drop("#songs", song, notes)
        page.visible("#results .gc-files")
        width = "return document.documentElement.scrollWidth"
        assert page.browser.execute_script(width) <= 390
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_only_the_audio_files_of_a_folder_are_classified(page, song, notes, tmp_path):
    shutil.copy(song, tmp_path / "song.wav")
    shutil.copy(notes, tmp_path / "notes.txt")
    next(tab for tab in page.all("button[role=tab]") if tab.text == "Many songs").click()
    page.drop("#folder", tmp_path)
    page.visible("#results .gc-files")
    assert "1 file, 0 failed" in page.text()


def test_page_and_server_connect_to_this_machine_only(site, page, song):
    page.drop("#song", song)
    page.visible("#result .gc-genre")
    log = page.browser.get_log("performance")
    events = [json.loads(entry["message"])["message"] for entry in log]
    asked = [
        urlsplit(event["params"]["request"]["url"])
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert len(asked) > 10
    network = [address for address in asked if address.scheme not in ("data", "blob")]
    assert {address.hostname for address in network} == {"127.0.0.1"}
    calls = site.calls.read_text().splitlines()
    assert "socket.bind 127.0.0.1" in calls
    assert {call.split()[1] for call in calls} <= {"127.0.0.1", "localhost", "::1"}


def request(site, path, body=None):
    """Status and text of an answer."""
    content, kind = body or (None, "")
    headers = {"Content-Type": kind} if body else {}
    asked = urllib.request.Request(f"{site.url}gradio_api/{path}", content, headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def upload(name, content):
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def classify(site, path):
    """Request the classification of a file by its path."""
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    body = {"fn_index": 0, "session_hash": "x", "data": [file, "dong2018"]}
    request(site, "queue/join", (json.dumps(body).encode(), "application/json"))
    return request(site, "queue/data?session_hash=x")[1]


@pytest.mark.parametrize("kind", ["elsewhere", "working folder", "temporary folder"])
def test_other_files_of_the_machine_are_not_served(site, song, tmp_path, kind):
    folders = {
        "elsewhere": tmp_path,
        "working folder": site.folder.parent,
        "temporary folder": site.folder,
    }
    secret = folders[kind] / f"secret-{kind}.wav"
    shutil.copy(song, secret)
    assert request(site, f"file={secret}".replace(" ", "%20"))[0] == 403
    response = classify(site, str(secret))
    secret.unlink()
    assert '"success":false' in response
    assert "gc-" not in response
    assert [path for path in site.uploads() if path.name == secret.name] == []


def test_uploaded_files_are_classified_and_served(site, song):
    (path,) = json.loads(request(site, "upload", upload("x.wav", song.read_bytes()))[1])
    assert "gc-genre" in classify(site, path)
    assert request(site, f"file={path}")[0] == 200


@pytest.mark.parametrize("host", ["genreclf.invalid", "127.0.0.1:9"])
def test_urls_in_requests_are_not_downloaded(site, host):
    assert request(site, f"file=http://{host}/a.wav")[0] == 403
    assert '"success":false' in classify(site, f"http://{host}/a.wav")
    assert host.split(":")[0] not in site.calls.read_text().replace("socket.bind 127.0.0.1", "")


def test_uploads_are_removed_when_the_server_is_ended(site, page, song):
    """The last test: it ends the server of the others, while a page of it is open."""
    page.drop("#song", song)
    page.visible("#result .gc-genre")
    assert "my song.wav" in [path.name for path in site.uploads()]
    before = len(site.errors.read_text())
    site.process.send_signal(signal.SIGTERM)
    site.process.wait(timeout=20)
    assert list(site.folder.iterdir()) == []
    assert site.errors.read_text()[before:] == "ended\n"
    names = [path.name for path in site.folder.parent.iterdir()]
    assert sorted(names) == ["calls", "errors", "temporary"]
