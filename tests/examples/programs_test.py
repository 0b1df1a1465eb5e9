#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Examples with arguments, right ones and wrong ones, as their users call them.

    programs_test.py SCANNER SERVICE TAIL HASH
"""
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from support import connect, free_port


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **options)


class PortScanner(unittest.TestCase):
    def test_finds_a_port_also_with_few_descriptors(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            first, last = max(1, port - 300), min(65535, port + 300)
            few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            done = run(SCANNER, str(first), str(last), preexec_fn=few)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(str(port), done.stdout.split())

    def test_says_what_it_wants(self):
        for arguments in (["5", "1"], ["a", "9"], ["1"], ["1", "70000"], ["0", "5"]):
            done = run(SCANNER, *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertTrue(done.stderr.startswith("usage: "))


class Service(unittest.TestCase):
    def test_answers_what_it_has_begun_when_it_is_to_end(self):
        port = free_port()
        with subprocess.Popen([SERVICE, str(port)], stdout=subprocess.PIPE, text=True) as service:
            with connect(port) as client:
                client.sendall(b"a question\n")
                self.assertEqual(service.stdout.readline(), "asked: a question\n")
                service.send_signal(signal.SIGTERM)
                self.assertEqual(client.makefile().readline(), "an answer\n")
            self.assertEqual(service.stdout.read(), "SIGTERM: no more requests\ngoodbye\n")
            self.assertEqual(service.wait(30), 0)


class Tail(unittest.TestCase):
    def test_follows_a_file_also_when_it_is_truncated(self):
        with tempfile.NamedTemporaryFile("w") as log:
            log.write("one\ntw")
            log.flush()
            with subprocess.Popen([TAIL, log.name], stdout=subprocess.PIPE, text=True) as tail:
                self.assertEqual(tail.stdout.readline(), "one\n")
                log.write("o\n")
                log.flush()
                self.assertEqual(tail.stdout.readline(), "two\n")
                log.seek(0)
                log.truncate()
                log.write("3\n")
                log.flush()
                self.assertEqual(tail.stdout.readline(), "3\n")
                tail.send_signal(signal.SIGINT)
                self.assertEqual(tail.wait(30), 130)

    def test_names_a_file_that_is_not_there(self):
        done = run(TAIL, "/does/not/exist")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Atail: .*/does/not/exist.*\n\Z")


class Hash(unittest.TestCase):
    def test_prints_each_file_and_an_error_for_each_that_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "a")
            path.write_text("a")
            done = run(HASH, str(path), folder, folder + "/none")
            self.assertEqual(done.stdout, f"af63dc4c8601ec8c  {path}\n")  # FNV-1a of "a"
            self.assertEqual(done.stderr.count("\n"), 2, done.stderr)
            self.assertIn(folder + "/none", done.stderr)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(run(HASH, str(path)).returncode, 0)


if __name__ == "__main__":
    SCANNER, SERVICE, TAIL, HASH = sys.argv[1:5]
    unittest.main(argv=sys.argv[:1])
