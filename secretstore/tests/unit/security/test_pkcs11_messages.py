# SPDX-License-Identifier: Apache-2.0
import socket
import struct
import threading
import time
import unittest

import msgspec

from secretstore.security.pkcs11 import messages


class MessagesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def answer(self, seconds: float = 5) -> messages.Answer:
        return messages.receive_answer(self.ours, time.monotonic() + seconds)

    def test_requests_and_answers(self) -> None:
        wrap = messages.Wrap('label', b'\0\xff', bytes(32), b'', ['aes-gcm'])
        messages.send(self.ours, wrap)
        self.assertEqual(wrap, messages.receive_request(self.theirs))
        # More than a socket holds.
        done = messages.Done(bytes(10**6))
        sender = threading.Thread(
            target=messages.send, args=(self.theirs, done)
        )
        sender.start()
        self.assertEqual(done, self.answer())
        sender.join()

    def test_nothing_is_shown(self) -> None:
        for message in (
            messages.LogIn('12345678'),
            messages.Wrap('label', b'', b'key' * 10, b'', []),
            messages.Done(b'key' * 10),
        ):
            self.assertEqual(type(message).__name__, repr(message))

    def test_deadline(self) -> None:
        self.theirs.send(b'\0')
        began = time.monotonic()
        with self.assertRaises(TimeoutError):
            self.answer(0.2)
        self.assertGreaterEqual(time.monotonic() - began, 0.19)

    def test_cut_short(self) -> None:
        self.theirs.sendall(struct.pack('>I', 10) + b'short')
        self.theirs.close()
        with self.assertRaises(EOFError):
            self.answer()

    def test_what_is_no_message(self) -> None:
        too_long = struct.pack('>I', 2**32 - 1)
        request = msgspec.msgpack.encode(['Check'])
        for content, failure in (
            (too_long, EOFError),
            (struct.pack('>I', 3) + b'\xff\xff\xff', msgspec.MsgspecError),
            (
                struct.pack('>I', len(request)) + request,
                msgspec.ValidationError,
            ),
        ):
            self.theirs.sendall(content)
            with self.assertRaises(failure):
                self.answer()
