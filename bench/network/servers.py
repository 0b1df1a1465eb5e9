# SPDX-License-Identifier: MIT
"""The servers that network/run compares. A command has {where} for the port or the path that it serves on, {loops} for their number
where it can have several, {path} for what is asked of the one that does not look."""
import pathlib
import shutil
import subprocess

from common import nginx_program, output_of
from comparison import Program, find, go_program, python_with, tokio_program, uwebsockets_program

PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"
ECHOES = ("echo", "unix", "storm")  # what an echo server is good for

NGINX = """daemon off; master_process off; worker_processes 1; error_log /dev/null; pid {folder}/pid;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ default_type text/plain; return 200 "Hello, World!"; }}
location /json {{ default_type application/json; return 200 '{{"message":"Hello, World!"}}'; }} }} }}"""


def echoes(name, command, version, remedy="", environment=None, most_rounds=1000, in_loops=False):
    """One echo server for all that it is good for; `in_loops` if it can have several loops."""
    for kind in (*ECHOES, "loops") if in_loops else ECHOES:
        arguments = ["{where}", "{loops}"] if kind == "loops" else ["{where}"]
        full = [arguments[0] if part == "{where}" else part for part in command] if command else None
        if full and "{where}" not in full:
            full += arguments
        yield Program(name, kind, full, version, remedy, environment or {}, most_rounds)


def find_own(own):
    yield from echoes("uring", [own.program("echo_uring")], own.compiler, in_loops=True)
    yield from echoes("epoll", [own.program("echo_epoll")], own.compiler, in_loops=True)
    yield Program("epoll", "http", [own.program("http_epoll"), "{where}", "{path}"], own.compiler)
    for backend in ("uring", "epoll"):
        name, environment = "tutti" if backend == "uring" else "tutti-epoll", {"TUTTI_BACKEND": backend}
        yield from echoes(name, [own.program("echo_tutti")], own.compiler, environment=environment, in_loops=True)
        yield Program(name, "http", [own.program("http_tutti"), "{where}"], own.compiler, environment=environment)
    yield from echoes("tutti-protocol", [own.program("echo_protocol_tutti")], own.compiler)


def find_asio(own):
    yield from echoes("asio", [own.program("echo_asio")], own.boost, in_loops=True)
    yield Program("beast", "http", [own.program("http_asio"), "{where}"], own.boost)


def find_libuv(own):
    program = own.optional("echo_libuv")
    yield from echoes("libuv", [program] if program else None, own.libuv, "apt install libuv1-dev")


def find_tokio():
    program, version, remedy = tokio_program("echo")
    yield from echoes("tokio", [program] if program else None, version, remedy, in_loops=True)


def find_go():
    program, version, remedy = go_program("echo")
    yield from echoes("go", [program] if program else None, version, remedy, {"GOMAXPROCS": "1"})
    program, version, remedy = go_program("http")
    yield Program("go", "http", [program, "{where}"] if program else None, version, remedy, {"GOMAXPROCS": "1"})


def find_node():
    command = lambda name: ["node", str(PEERS / f"{name}_node.js"), "{where}"] if shutil.which("node") else None
    version = output_of("node", "--version")
    yield from echoes("node", command("echo"), version, "apt install nodejs", most_rounds=2)
    yield Program("node", "http", command("http"), version, "apt install nodejs", most_rounds=2)


def find_pythons():
    for name in ("asyncio", "uvloop"):
        python, version = python_with(name)
        for form in ("streams", "protocol"):
            command = [python, str(PEERS / "echo_python.py"), "{where}", form] if python else None
            yield from echoes(f"{name} {form}", command, version, "apt install python3-uvloop", {"LOOP": name}, 2)
    python, version = python_with("aiohttp")
    command = [python, str(PEERS / "http_aiohttp.py"), "{where}"] if python else None
    yield Program("aiohttp", "http", command, version, "apt install python3-aiohttp", most_rounds=2)


def find_nginx():
    program = nginx_program()
    version = subprocess.run([program, "-v"], capture_output=True, text=True).stderr.strip() if program else ""
    yield Program("nginx", "http", [program, "-c", "{nginx}"] if program else None, version, "apt install nginx-light")


def find_uwebsockets():
    program, version, remedy = uwebsockets_program()
    yield Program("uWebSockets", "http", [program, "{where}"] if program else None, version, remedy)


def find_servers(own, options):
    return list(find({
        "own": lambda: find_own(own), "asio": lambda: find_asio(own), "libuv": lambda: find_libuv(own), "tokio": find_tokio,
        "go": find_go, "node": find_node, "python": find_pythons, "nginx": find_nginx,
        "uwebsockets": find_uwebsockets}, options))
