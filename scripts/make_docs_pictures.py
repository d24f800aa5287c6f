"""Make the pictures of the documentation from the example songs.

    python scripts/make_docs_pictures.py

Writes to ``docs/pictures``; needs the extras ``plots`` and ``app``, selenium, and Debian's
packages chromium and chromium-driver.
"""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[1]
PICTURES = {
    "timeline.png": ["timeline", "examples/songs/classical.flac"],
    "unsure.png": ["timeline", "examples/songs/blues.flac"],
    "spectrogram.png": ["spectrogram", "examples/songs/classical.flac"],
}


def main() -> None:
    """Draw each picture with the command that its page shows."""
    for name, arguments in PICTURES.items():
        output = ["--output", f"docs/pictures/{name}"]
        command = [sys.executable, "-m", "genreclf", "plot", *arguments, *output]
        subprocess.run(command, cwd=ROOT, check=True)
    command = [sys.executable, "-m", "genreclf", "app", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"http://\S+", server.stdout.readline())[0]
            content = shoot(address, ROOT / "examples/songs/classical.flac")
        finally:
            server.terminate()
    # 128 colors are enough for a page, and need a third of the space.
    picture = Image.open(io.BytesIO(content)).convert("RGB").quantize(128)
    picture.save(ROOT / "docs/pictures/app.png", optimize=True)


def shoot(address: str, song: Path) -> bytes:
    """Return the page of `genreclf app` with a classified song, as a PNG."""
    options = webdriver.ChromeOptions()
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "hide-scrollbars",
        "window-size=900,1280",
    ):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.get(f"{address}?__theme=light")
        wait = WebDriverWait(driver, 30)
        found = wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, "#song input[type=file]"))
        found[0].send_keys(str(song))
        ready = "return document.querySelector('.gc-player audio')?.readyState"
        wait.until(lambda d: (d.execute_script(ready) or 0) > 0)
        seen = {"width": 900, "height": 1270, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", seen)
        return driver.get_screenshot_as_png()
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
