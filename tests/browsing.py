"""A real Chromium without a window, driven through its own protocol over two pipes.

Keys are the browser's, not a script's: what is focused gets them, as from a person.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path

import pytest

KEYS = {"Tab": 9, "Enter": 13, "PageDown": 34, "ArrowDown": 40, "ArrowRight": 39}


def chromium():
    """Where it is; without one a test is skipped, but where CI installs it."""
    found = shutil.which("chromium")
    if not found and os.environ.get("CI"):
        pytest.fail("chromium is missing; .ci/run installs it")
    if not found:
        pytest.skip("no chromium here")
    return found


class Page:
    """A page that is open: `with Page(file, profile) as page: ...`."""

    def __init__(self, file, profile, width=1200, height=900):
        (reading, to_browser), (from_browser, writing) = os.pipe(), os.pipe()
        # out of the way of 3 and 4, which the browser reads and writes
        ends = [fcntl(end, F_DUPFD_CLOEXEC, 10) for end in (reading, writing)]
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(
            [chromium(), *flags, f"--user-data-dir={profile}"],
            preexec_fn=lambda: [os.dup2(end, at) for end, at in zip(ends, (3, 4), strict=True)],
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (reading, writing, *ends):
            os.close(end)
        self.input, self.output = os.fdopen(to_browser, "wb"), os.fdopen(from_browser, "rb")
        self.number, self.session, self.problems, self.rest = 0, None, [], b""
        try:
            self.open(file, width, height)
        except BaseException:
            self.__exit__()
            raise

    def open(self, file, width, height):
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.send("Page.enable")
        self.send("Runtime.enable")
        self.size(width, height)
        self.send("Page.navigate", url=Path(file).as_uri())
        self.until("Page.loadEventFired")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.input.close()
        self.output.close()

    def receive(self):
        while b"\0" not in self.rest:
            part = os.read(self.output.fileno(), 1 << 16)
            assert part, "the browser is gone"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(message)
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(message["params"]["exceptionDetails"]["text"])
        return message

    def until(self, event):
        while self.receive().get("method") != event:
            pass

    def send(self, method, **params):
        """Ask the browser; what it answers."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.input.write(json.dumps(message).encode() + b"\0")
        self.input.flush()
        while (answer := self.receive()).get("id") != self.number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def ask(self, expression):
        """What a JavaScript expression is on the page."""
        how = {"returnByValue": True, "awaitPromise": True}
        answer = self.send("Runtime.evaluate", expression=expression, **how)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def becomes(self, expression, seconds=10):
        """Whether a JavaScript expression becomes true."""
        return self.ask(
            f"""new Promise(answer => {{
              setTimeout(() => answer(false), {1000 * seconds});
              const look = () => ({expression}) ? answer(true) : requestAnimationFrame(look);
              look();
            }})"""
        )

    def press(self, key, text=None):
        """A key by its name, or a letter."""
        code = KEYS.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, text)
        of = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        shown = {"text": text} if text else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", **of, **shown)
        self.send("Input.dispatchKeyEvent", type="keyUp", **of)

    def write(self, text):
        for letter in text:
            self.press(letter, letter)

    def size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)

    def media(self, kind="screen", scheme="light"):
        """What is asked of the page's style: screen or print, light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=kind, features=features)

    def picture(self, path):
        shot = self.send("Page.captureScreenshot", format="png")
        Path(path).write_bytes(b64decode(shot["data"]))
