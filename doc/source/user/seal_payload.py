# SPDX-License-Identifier: Apache-2.0
"""Store standard input as a secret that only the key manager can read."""

import base64
import sys

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
import openstack

NAME = 'hpke-mlkem768x25519-hkdf-sha256-aes256gcm'
SUITE = hpke.Suite(
    hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM
)
BINARY = {'Content-Type': 'application/octet-stream'}

# begin
api = openstack.connect().key_manager
made = api.post('/secrets', json={'transport_key_needed': 'true'}).json()
ref, key = made['secret_ref'], api.get(made['transport_key_ref']).json()
raw = base64.b64decode(key['transport_key'])
public_key = hpke.MLKEM768X25519PublicKey(
    mlkem.MLKEM768PublicKey.from_public_bytes(raw[:1184]),
    x25519.X25519PublicKey.from_public_bytes(raw[1184:]),
)
info = f'{NAME} secret {ref.rpartition("/")[2]}'.encode()
sealed = SUITE.encrypt(sys.stdin.buffer.read(), public_key, info=info)
url = f'{ref}?transport_key_id={key["id"]}'
answer = api.put(url, data=sealed, headers=BINARY)
# end
answer.raise_for_status()
print(ref)
