"""Headless Chromium, driven through its DevTools protocol over two pipes: clicks, keys, scripts and screenshots."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT = 20.0
KEYS = {"Enter": (13, "\r"), "ArrowLeft": (37, ""), "ArrowRight": (39, ""), "ArrowDown": (40, "")}
"""Codes and texts of keys that are no letters."""


class Chromium:
    """Browser with one page; a context manager."""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        reads, self._writes = os.pipe()
        self._reads, writes = os.pipe()
        command = f"exec {BROWSER} --headless --no-sandbox --disable-gpu --no-first-run --disable-extensions "
        command += (
            f"--disable-dev-shm-usage --disable-background-networking --user-data-dir={self._profile.name} "
        )
        command += f"--remote-debugging-pipe about:blank 3<&{reads} 4>&{writes}"
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command],
            pass_fds=(reads, writes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self._number, self._buffer, self._session, self.events = 0, b"", None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        os.close(self._writes)
        self._process.terminate()
        self._process.wait(WAIT)
        os.close(self._reads)
        self._profile.cleanup()

    def send(self, method, **parameters):
        """Result of a command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._writes, left) :]
        while True:
            found = self._message(WAIT)
            if found.get("id") != self._number:
                self.events.append(found)
            elif "error" in found:
                raise RuntimeError(f"{method}: {found['error']}")
            else:
                return found["result"]

    def _message(self, seconds):
        while b"\0" not in self._buffer:
            if not select.select([self._reads], [], [], seconds)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._reads, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def open(self, path):
        """Load a file of the disk and wait until it is complete."""
        self.events.clear()
        self.send("Page.navigate", url=Path(path).resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def run(self, script):
        """Value of a JavaScript expression; promises are awaited."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def until(self, script):
        """Wait for an expression to become true."""
        end = time.monotonic() + WAIT
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.02)

    def click(self, selector):
        """Press the mouse in the middle of an element."""
        self.run(
            f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center', behavior: 'instant'}})"
        )
        x, y = self.run(
            f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, *keys):
        """Press keys, one after the other."""
        for key in keys:
            code, text = KEYS[key] if key in KEYS else (ord(key.upper()), key)
            for kind in ("keyDown", "keyUp"):
                typed = {"text": text} if kind == "keyDown" and text else {}
                self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed)

    def type(self, text):
        """Type a text into the element that has the focus."""
        self.send("Input.insertText", text=text)

    def view(self, width, height=900, *, dark=False, mobile=False, media=""):
        """Set the size of the page, its colours and its medium."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", media=media, features=scheme)

    def screenshot(self, path, *, whole=False):
        """Write a PNG of the page."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """Errors of the page: exceptions, and what its policy blocked."""
        self.run("1")
        bad = [one for one in self.events if one.get("method") == "Runtime.exceptionThrown"]
        logged = [one["params"]["entry"] for one in self.events if one.get("method") == "Log.entryAdded"]
        return [*bad, *(entry for entry in logged if entry["level"] == "error")]

    def requests(self):
        """Addresses that the page asked for, but for its own and for data within it."""
        sent = [
            one["params"]["request"]["url"]
            for one in self.events
            if one.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("data:", "file:", "blob:"))]
