#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The chat of examples/ as its users have it: several guests, bad ones too, and all ways to end.

    chat_test.py SERVER CLIENT
"""
import signal
import socket
import struct
import subprocess
import sys
import unittest

from support import connect, free_port


class Guest:
    def __init__(self, port, name):
        self.socket = connect(port)
        self.lines = self.socket.makefile("r")
        self.say(name)

    def say(self, line):
        self.socket.sendall(f"{line}\n".encode())

    def hear(self):
        return self.lines.readline()

    def hear_until(self, wanted):
        while (line := self.hear()) and line != wanted:
            pass
        return line

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()


class Chat(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.server = subprocess.Popen([SERVER, str(self.port)], stderr=subprocess.PIPE, text=True)
        self.ann = Guest(self.port, "ann")
        self.assertEqual(self.ann.hear(), "ann is here\n")

    def tearDown(self):
        self.ann.close()
        self.server.kill()
        self.server.communicate()

    def test_tells_what_is_said_and_who_leaves_in_whatever_way(self):
        bob = Guest(self.port, "bob\r")
        self.assertEqual(self.ann.hear(), "bob is here\n")
        bob.say("hello")
        self.assertEqual(self.ann.hear(), "bob: hello\n")
        bob.reset()
        self.assertEqual(self.ann.hear(), "bob has left\n")
        cid = Guest(self.port, "cid")
        self.assertEqual(self.ann.hear(), "cid is here\n")
        try:
            cid.say("x" * 1_000_000)  # a line that is too long
        except ConnectionError:
            pass
        self.assertEqual(self.ann.hear(), "cid has left\n")
        cid.close()

    def test_drops_a_guest_who_does_not_read_and_goes_on(self):
        deaf = Guest(self.port, "deaf")
        self.assertEqual(self.ann.hear(), "deaf is here\n")
        heard = ""
        for _ in range(700):  # 21 MB: what the kernel holds for it, at most 10, and the megabyte of the server
            self.ann.say("x" * 30_000)
            heard = self.ann.hear()
            if heard == "deaf has left\n":
                break
        self.assertEqual(heard, "deaf has left\n")
        deaf.close()

    def test_says_goodbye_at_the_end(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.ann.hear(), "the room closes\n")
        self.assertEqual(self.ann.hear(), "")
        self.assertEqual(self.server.wait(30), 0)

    def test_refuses_a_port_that_is_in_use_in_one_line(self):
        second = subprocess.run([SERVER, str(self.port)], capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertRegex(second.stderr, r"\Achat server: .*127\.0\.0\.1:\d+.*\n\Z")

    def test_the_client_hears_speaks_and_ends_with_its_input(self):
        client = subprocess.run([CLIENT, str(self.port), "bob"], input="hello\n", capture_output=True, text=True, timeout=30)
        self.assertEqual((client.returncode, client.stderr), (0, ""))
        self.assertEqual(self.ann.hear_until("bob: hello\n"), "bob: hello\n")
        self.assertEqual(self.ann.hear(), "bob has left\n")

    def test_the_client_ends_with_the_server_and_at_an_interrupt(self):
        for end in ("interrupt", "server"):
            with subprocess.Popen([CLIENT, str(self.port), "bob"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as client:
                self.assertEqual(client.stdout.readline(), "bob is here\n")
                (client if end == "interrupt" else self.server).send_signal(signal.SIGINT)
                self.assertEqual(client.wait(30), 130 if end == "interrupt" else 0)
                self.assertEqual(client.stderr.read(), "")

    def test_wrong_arguments_and_no_server_are_one_line(self):
        for command, code in (([SERVER, "abc"], 2), ([SERVER, "0"], 2), ([CLIENT, "70000", "x"], 2), ([CLIENT, "7"], 2),
                              ([CLIENT, str(free_port()), "x"], 1)):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, code, command)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    SERVER, CLIENT = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
