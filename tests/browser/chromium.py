"""A headless Chromium that a test steers over the DevTools protocol."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), "")
SECONDS = 60  # that the browser may take for one thing
Found = TypeVar("Found")


def command(profile: Path, *arguments: str) -> list[str]:
    """Return a command that starts it; root, as in containers, cannot have Chromium's sandbox."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    quiet = ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    return [CHROMIUM, "--headless", f"--user-data-dir={profile}", "--no-proxy-server", *sandbox, *quiet, *arguments]


class Tab:
    """A page."""

    def __init__(self, browser: "Browser", socket: aiohttp.ClientWebSocketResponse) -> None:
        self._browser = browser
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []  # what its console and its policy said

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a command of the DevTools protocol."""
        return self._browser.wait(self._send(method, params))

    async def _send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(json.dumps(message["params"]))
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """Return the value of an expression."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + SECONDS
        while not self.js(expression):
            assert time.monotonic() < deadline, f"never: {expression}"
            time.sleep(0.02)

    def press(self, key: str, ctrl: bool = False) -> None:
        fields = {"key": key, "modifiers": 2 if ctrl else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", **fields, **({} if ctrl else {"text": key}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **fields)

    def choose_file(self, selector: str, path: Path) -> None:
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def resize(self, width: int, height: int, scheme: str = "light") -> None:
        """Show the page at a width and height in CSS pixels, light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self) -> bytes:
        """Return a PNG of the whole page."""
        found = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])


class Browser:
    """A running Chromium."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._port = port
        self._session = self.wait(self._start())

    async def _start(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    def wait(self, coroutine: Coroutine[Any, Any, Found]) -> Found:
        return self._loop.run_until_complete(asyncio.wait_for(coroutine, SECONDS))

    def tab(self) -> Tab:
        """Open an empty page."""
        return self.wait(self._tab())

    async def _tab(self) -> Tab:
        async with self._session.put(f"http://127.0.0.1:{self._port}/json/new?about:blank") as reply:
            target = await reply.json()
        tab = Tab(self, await self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0))
        for domain in ("Page", "Runtime", "Log"):
            await tab._send(f"{domain}.enable", {})
        return tab

    def close(self) -> None:
        self.wait(self._session.close())
        self._loop.close()


@contextmanager
def opened(profile: Path) -> Iterator[Browser]:
    """Yield a browser with a profile of its own."""
    line = command(profile, "--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank")
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        browser = Browser(port_of(profile))
        yield browser
        browser.close()
    finally:
        process.terminate()
        process.wait(SECONDS)


def port_of(profile: Path) -> int:
    """Return the port that Chromium has written down, once it has."""
    deadline = time.monotonic() + SECONDS
    file = profile / "DevToolsActivePort"
    while not (file.exists() and "\n" in file.read_text()):
        assert time.monotonic() < deadline, "Chromium has not started"
        time.sleep(0.05)
    return int(file.read_text().split("\n")[0])
