# SPDX-License-Identifier: Apache-2.0
"""Store standard input as a secret that only the key manager can read."""

import base64
import sys

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
import openstack

SUITE = 'hpke-mlkem768x25519-hkdf-sha256-aes256gcm'

# begin
api = openstack.connect().key_manager
made = api.post('/secrets', json={'transport_key_needed': 'true'}).json()
key = api.get(made['transport_key_ref']).json()
raw = base64.b64decode(key['transport_key'])
mlkem_key = mlkem.MLKEM768PublicKey.from_public_bytes(raw[:1184])
x25519_key = x25519.X25519PublicKey.from_public_bytes(raw[1184:])
public_key = hpke.MLKEM768X25519PublicKey(mlkem_key, x25519_key)
suite = hpke.Suite(
    hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM
)
info = f'{SUITE} secret {made["secret_ref"].rpartition("/")[2]}'.encode()
answer = api.put(
    f'{made["secret_ref"]}?transport_key_id={key["id"]}',
    data=suite.encrypt(sys.stdin.buffer.read(), public_key, info=info),
    headers={'Content-Type': 'application/octet-stream'},
)
# end
answer.raise_for_status()
print(made['secret_ref'])
