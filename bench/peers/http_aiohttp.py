# SPDX-License-Identifier: MIT
"""Hello, World! over HTTP/1.1, as text and as JSON, with aiohttp, on uvloop if $LOOP says so: http_aiohttp.py PORT"""
import os
import sys

from aiohttp import web

if os.environ.get("LOOP") == "uvloop":
    import uvloop
    uvloop.install()


async def hello(request):
    return web.Response(text="Hello, World!")


async def hello_json(request):
    return web.json_response({"message": "Hello, World!"})


application = web.Application()
application.router.add_get("/", hello)
application.router.add_get("/json", hello_json)
web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, backlog=4096)
