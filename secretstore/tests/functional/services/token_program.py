# SPDX-License-Identifier: Apache-2.0
"""Does to a token what its owner's tools would; run as a program.

Reads JSON from standard input: library, label, pin, the attributes of secret
keys to import, bytes in hexadecimal, and perhaps a new PIN.  A process of its
own, since a library belongs to whoever has loaded it first.
"""

import json
import sys

import pkcs11
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.attributes import AttributeMapper

_BYTES = ('ID', 'VALUE')


def main() -> None:
    asked = json.load(sys.stdin)
    token = pkcs11.lib(asked['library']).get_token(token_label=asked['label'])
    mapper = AttributeMapper()
    # A label need not be UTF-8.
    mapper.attribute_types[Attribute.LABEL] = (
        lambda text: text.encode(errors='surrogateescape'),
        lambda label: label.decode(errors='surrogateescape'),
    )
    with token.open(
        rw=True, user_pin=asked['pin'], attribute_mapper=mapper
    ) as session:
        for described in asked['keys']:
            key = {
                Attribute[name]: bytes.fromhex(value)
                if name in _BYTES
                else value
                for name, value in described.items()
            }
            key[Attribute.CLASS] = ObjectClass.SECRET_KEY
            key[Attribute.TOKEN] = True
            key[Attribute.KEY_TYPE] = KeyType[described['KEY_TYPE']]
            session.create_object(key)
        if 'new_pin' in asked:
            session.set_pin(asked['pin'], asked['new_pin'])
    print(int(token.flags))


if __name__ == '__main__':
    main()
