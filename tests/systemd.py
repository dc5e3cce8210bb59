#!/usr/bin/env python3
"""The part of systemd that a redeploy needs, for machines where systemd does not run.

    systemd.py serve ROOT ADDRESS:PORT   hold the port and look after the colours, as the units in systemd/ say
    systemd.py ctl ROOT WORD...          what `systemctl WORD...` would do: start, stop, is-active, is-enabled, enable,
                                         disable, show -p MainPID --value

Reads repduel-backend@.service itself: commands, environment, time-outs, restarts, watchdog. /srv/repduel, /run/repduel,
/var/lib/repduel and /usr/bin/doppler are looked for below ROOT. What is said goes to ROOT/<colour>.log.
"""

import asyncio
import os
import pathlib
import shlex
import signal
import socket
import sys
import time

UNITS = pathlib.Path(__file__).resolve().parent.parent / "systemd"
COLOURS = ("blue", "green")
# The first descriptor that a service is handed, by systemd's protocol.
FIRST = 3


def seconds(text):
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text)


class Unit:
    """The lines of a unit's [Service], for one instance, with paths below the root."""

    def __init__(self, root, instance):
        self.root, self.lines = root, []
        for line in (UNITS / "repduel-backend@.service").read_text().splitlines():
            key, mark, value = line.partition("=")
            if mark and not line.startswith("#"):
                self.lines.append((key, self.moved(value.replace("%i", instance))))

    def moved(self, text):
        for path in ("/srv/repduel", "/run/repduel", "/var/lib/repduel", "/usr/bin/doppler"):
            text = text.replace(path, f"{self.root}{path}")
        return text

    def all(self, key):
        return [word for name, value in self.lines if name == key for word in shlex.split(value)]

    def one(self, key):
        return [value for name, value in self.lines if name == key][-1]


class Service:
    """One colour: at most one process, started again when it ends by itself."""

    def __init__(self, root, colour):
        self.root, self.colour, self.unit = root, colour, Unit(root, colour)
        self.process = self.keeper = None
        self.ready, self.enabled, self.last_sign = asyncio.Event(), False, 0.0
        self.log = open(root / f"{colour}.log", "ab")
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(root / f"{colour}.notify"))
        self.notices.setblocking(False)
        asyncio.get_running_loop().add_reader(self.notices, self.heard)

    def heard(self):
        for line in self.notices.recv(4096).decode().splitlines():
            if line == "READY=1":
                self.ready.set()
            if line in ("READY=1", "WATCHDOG=1"):
                self.last_sign = time.monotonic()

    def environment(self):
        given = {"PATH": os.environ["PATH"], "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", "LISTEN_PID": "1", "WATCHDOG_PID": "1"}
        given["NOTIFY_SOCKET"] = str(self.root / f"{self.colour}.notify")
        given["WATCHDOG_USEC"] = str(int(seconds(self.unit.one("WatchdogSec")) * 1e6))
        given.update(pair.split("=", 1) for pair in self.unit.all("Environment"))
        for name in self.unit.all("UnsetEnvironment"):
            given.pop(name, None)
        return given

    async def spawn(self):
        self.ready.clear()
        (self.root / "run/repduel" / self.colour).mkdir(parents=True, exist_ok=True)
        self.process = await asyncio.create_subprocess_exec(
            *self.unit.all("ExecStart"), env=self.environment(), cwd=self.unit.one("WorkingDirectory"), pass_fds=[FIRST],
            stdin=asyncio.subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    async def start(self):
        """Answers when the service is ready; fails when its first process ends before."""
        if self.keeper and not self.keeper.done():
            return self.ready.is_set()
        await self.spawn()
        first = asyncio.ensure_future(self.process.wait())
        self.keeper = asyncio.ensure_future(self.keep())
        ready = asyncio.ensure_future(self.ready.wait())
        await asyncio.wait([first, ready], timeout=seconds(self.unit.one("TimeoutStartSec")), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return self.ready.is_set()

    async def keep(self):
        """Restart=always, and the watchdog."""
        started = time.monotonic()
        while True:
            try:
                await asyncio.wait_for(asyncio.shield(self.process.wait()), 0.2)
            except asyncio.TimeoutError:
                limit = self.last_sign + seconds(self.unit.one("WatchdogSec"))
                late = not self.ready.is_set() and time.monotonic() > started + seconds(self.unit.one("TimeoutStartSec"))
                if late or (self.ready.is_set() and time.monotonic() > limit):
                    self.kill(signal.SIGABRT)
                continue
            self.ready.clear()
            self.kill(signal.SIGKILL)  # whatever the main process has left
            await asyncio.sleep(seconds(self.unit.one("RestartSec")))
            started = time.monotonic()
            await self.spawn()

    def kill(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    async def stop(self):
        """KillMode=mixed: SIGTERM to the main process, SIGKILL to all when the time is over."""
        if not self.keeper or self.keeper.done():
            return True
        self.keeper.cancel()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), seconds(self.unit.one("TimeoutStopSec")))
            except asyncio.TimeoutError:
                pass
        self.kill(signal.SIGKILL)
        await self.process.wait()
        self.ready.clear()
        return True


async def obey(services, words):
    words = [word for word in words if word not in ("-q", "--quiet")]
    service = services[words[-1].removesuffix(".service").removeprefix("repduel-backend@")]
    running = service.keeper is not None and not service.keeper.done()
    match words[0]:
        case "start":
            return await service.start(), ""
        case "stop":
            return await service.stop(), ""
        case "is-active":
            return running and service.ready.is_set(), ""
        case "is-enabled":
            return service.enabled, ""
        case "enable" | "disable":
            service.enabled = words[0] == "enable"
            return True, ""
        case "show":
            return True, str(service.process.pid if running and service.process.returncode is None else 0)
    return False, f"this systemctl does not know {words[0]}"


async def serve(root):
    services = {colour: Service(root, colour) for colour in COLOURS}

    async def answer(reader, writer):
        words = shlex.split((await reader.readline()).decode())
        good, text = await obey(services, words)
        writer.write(f"{0 if good else 1} {text}\n".encode())
        writer.close()

    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    server = await asyncio.start_unix_server(answer, root / "control")
    print("holding the port", flush=True)
    await over.wait()
    server.close()
    await asyncio.gather(*(service.stop() for service in services.values()))


def ctl(root, words):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.connect(str(root / "control"))
        control.sendall((shlex.join(words) + "\n").encode())
        code, _, text = control.makefile().readline().partition(" ")
    if text.strip():
        print(text.strip())
    return int(code)


def main():
    word, root, rest = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    if word == "ctl":
        return ctl(root, rest)
    host, _, port = rest[0].partition(":")
    port_socket = socket.create_server((host, int(port)), backlog=4096)
    if port_socket.fileno() != FIRST:
        os.dup2(port_socket.fileno(), FIRST)
    os.set_inheritable(FIRST, True)
    asyncio.run(serve(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
