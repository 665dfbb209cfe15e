# SPDX-License-Identifier: Apache-2.0
"""TLS with throw-away certificates."""

import datetime
import ipaddress
from pathlib import Path
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from secretstore import errors
from secretstore.rpc.http import tls
from secretstore.tests.unit.rpc.http.base import (
    SECONDS,
    HttpTestCase,
    Peer,
    ask,
    in_thread,
)

HOUR = datetime.timedelta(hours=1)


class Authority:
    """A certificate authority that writes what it makes into files."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        certificate = self._builder(self._name, self._key.public_key())
        certificate = certificate.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = str(directory / f'{name}.pem')
        Path(self.file).write_bytes(self._sign(certificate))

    def issue(self, name: str, *, days: int = 1) -> tls.Files:
        """A certificate for a name, or for the loopback address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName(name),
                x509.IPAddress(ipaddress.ip_address('127.0.0.1')),
            ]
            if name == 'server'
            else [x509.DNSName(name)]
        )
        builder = self._builder(_name(name), key.public_key(), days)
        signed = self._sign(builder.add_extension(names, critical=False))
        certificate = self._directory / f'{name}.pem'
        certificate.write_bytes(signed)
        private = self._directory / f'{name}.key'
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return tls.Files(str(certificate), str(private))

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 1
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 48 * HOUR)
            .not_valid_after(now + days * 24 * HOUR)
        )

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


class TlsTest(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.directory, 'ca')
        self.files = self.authority.issue('server')
        self.trusting = tls.Files(ca=self.authority.file)

    def secure(self, files: tls.Files, **options: object):
        return self.serve(tls=tls.for_server(files), **options)

    def secure_client(self, server, files: tls.Files, **options: object):
        return self.client(server, tls=tls.for_client(files), **options)

    def unavailable(self, client) -> str:
        with self.assertRaises(errors.ConductorUnavailable) as caught:
            ask(client)
        return caught.exception.message

    def test_requests(self) -> None:
        server = self.secure(self.files)
        self.assertIn('https://127.0.0.1:', str(server.addresses[0]))
        client = self.secure_client(server, self.trusting)
        for size in (1, 5, 100_000, 1_000_000):
            body = b'x' * size
            self.assertEqual(body, ask(client, body))
        self.assertEqual(1, len(server._connections))

    def test_mutual(self) -> None:
        server = self.secure(self.files._replace(ca=self.authority.file))
        own = self.authority.issue('client')
        client = self.secure_client(
            server, own._replace(ca=self.authority.file)
        )
        self.assertEqual(b'{}', ask(client))

    def test_mutual_refused(self) -> None:
        server = self.secure(self.files._replace(ca=self.authority.file))
        stranger = Authority(self.directory, 'stranger').issue('client')
        for files in (tls.Files(), stranger):
            with self.subTest(files):
                client = self.secure_client(
                    server, files._replace(ca=self.authority.file)
                )
                with self.assertLogs('secretstore.rpc.http') as logs:
                    message = self.unavailable(client)
                    # The server may be a moment later to say so.
                    until = time.monotonic() + SECONDS
                    while 'No TLS with 127.0.0.1' not in ''.join(logs.output):
                        self.assertLess(time.monotonic(), until, logs.output)
                        time.sleep(0.01)
                self.assertIn('TLS', message)
                self.assertNotIn('may have been executed', message)

    def test_expired_client(self) -> None:
        server = self.secure(self.files._replace(ca=self.authority.file))
        expired = self.authority.issue('client', days=-1)
        client = self.secure_client(
            server, expired._replace(ca=self.authority.file)
        )
        with self.assertLogs('secretstore.rpc.http'):
            self.assertIn('EXPIRED', self.unavailable(client).upper())

    def test_untrusted_server(self) -> None:
        other = Authority(self.directory, 'other')
        client = self.secure_client(
            self.secure(self.files), tls.Files(ca=other.file)
        )
        self.assertIn('issuer', self.unavailable(client))

    def test_wrong_name(self) -> None:
        server = self.secure(self.authority.issue('elsewhere'))
        client = self.secure_client(server, self.trusting)
        self.assertIn('127.0.0.1', self.unavailable(client))

    def test_old_versions(self) -> None:
        server = self.secure(self.files)
        context = tls.for_client(self.trusting)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('DEFAULT:@SECLEVEL=0')
        peer = self.peer(server)
        with self.assertRaises(OSError):
            context.wrap_socket(peer.sock, server_hostname='127.0.0.1')

    def test_version_1_2(self) -> None:
        server = self.secure(self.files)
        context = tls.for_client(self.trusting)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        client = self.client(server, tls=context)
        self.assertEqual(b'{}', ask(client))
        self.assertEqual(b'{}', ask(client))

    def test_plain_against_secure_and_the_other_way(self) -> None:
        server = self.secure(self.files)
        plain = server.addresses[0]._replace(tls=False)
        self.assertIn('closed', self.unavailable(self.client(plain)))
        address = self.serve().addresses[0]._replace(tls=True)
        client = self.secure_client(address, self.trusting)
        self.assertIn('TLS: ', self.unavailable(client))

    def test_a_silent_one_holds_up_nobody(self) -> None:
        server = self.secure(self.files)
        for _ in range(3):
            self.peer(server)
        client = self.secure_client(server, self.trusting)
        self.assertEqual(b'{}', ask(client))

    def test_stop_tells_idle_ones(self) -> None:
        server = self.secure(self.files)
        client = self.secure_client(server, self.trusting)
        ask(client)
        peer = Peer(server.addresses[0])
        self.addCleanup(peer.sock.close)
        peer.sock = tls.for_client(self.trusting).wrap_socket(
            peer.sock, server_hostname='127.0.0.1'
        )
        thread, results = in_thread(lambda: server.stop(5))
        self.assertEqual(503, peer.answer().status)
        peer.sock.close()
        thread.join()
        self.assertEqual([True], results)

    def test_unix_sockets_are_plain(self) -> None:
        path = str(self.directory / 'socket')
        server = self.secure(self.files, listen=[path])
        self.assertEqual(b'{}', ask(self.client(server)))
        self.assertEqual(f'http+unix://{path}', str(server.addresses[0]))


class FilesTest(HttpTestCase):
    def test_not_usable(self) -> None:
        authority = Authority(self.directory, 'ca')
        files = authority.issue('server')
        garbage = self.directory / 'garbage'
        garbage.write_text('garbage')
        for wrong in (
            tls.Files('/nonexistent/file'),
            tls.Files(ca='/nonexistent/file'),
            tls.Files(str(garbage)),
            tls.Files(ca=str(garbage)),
            tls.Files(files.certificate, authority.issue('b').key),
        ):
            for make in (tls.for_server, tls.for_client):
                with (
                    self.subTest(wrong),
                    self.assertRaisesRegex(errors.StartupError, 'TLS: /'),
                ):
                    make(wrong)

    def test_a_key_with_a_password_is_not_asked_for(self) -> None:
        files = Authority(self.directory, 'ca').issue('server')
        key = serialization.load_pem_private_key(
            Path(files.key).read_bytes(), None
        )
        Path(files.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b'password'),
            )
        )
        with self.assertRaises(errors.StartupError):
            tls.for_server(files)
