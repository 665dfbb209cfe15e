# SPDX-License-Identifier: Apache-2.0
"""PKCS#11 libraries that do something of their own, made of C."""

import pathlib

from secretstore.tests.functional.services import system, tokens

# The library behind it, but each login is seen: a file grows by one byte. As
# long as there is another file, it crashes then. Pointer 19 of the table is
# C_Login.
_COUNTING = """
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long U;
typedef U (*login)(U, U, void *, U);
static void *table[69];
static login real;

static U counted(U session, U user, void *pin, U length) {
    int file = open(ATTEMPTS, O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (write(file, "x", 1) != 1)
        return 0x30; /* CKR_DEVICE_ERROR */
    close(file);
    if (access(CRASH, F_OK) == 0)
        abort();
    return real(session, user, pin, length);
}

U C_GetFunctionList(void **list) {
    void *library = dlopen(LIBRARY, RTLD_NOW);
    ((U (*)(void **))dlsym(library, "C_GetFunctionList"))(list);
    memcpy(table, *list, sizeof table);
    real = (login)table[19];
    table[19] = (void *)counted;
    *list = table;
    return 0;
}
"""


def compiled(
    folder: pathlib.Path, source: str, **values: object
) -> pathlib.Path:
    """A library made of C, with these as macros."""
    compiler = system.find('gcc', 'gcc')
    code, library = (folder / f'library.{kind}' for kind in ('c', 'so'))
    code.write_text(source)
    macros = [
        f'-D{name}={value}'
        if isinstance(value, int)
        else f'-D{name}="{value}"'
        for name, value in values.items()
    ]
    system.run([compiler, '-shared', '-fPIC', *macros, '-o', library, code])
    return library


class Logins:
    """The library of a token, which counts how often it is logged in to.

    It crashes at each login as long as the file crash exists.
    """

    def __init__(self, token: tokens.Token) -> None:
        self._file = token.folder / 'logins'
        self.crash = token.folder / 'crash'
        self.library = compiled(
            token.folder,
            _COUNTING,
            ATTEMPTS=self._file,
            CRASH=self.crash,
            LIBRARY=token.library,
        )

    def taken(self) -> int:
        """How many there were since the last time."""
        count = self._file.stat().st_size if self._file.exists() else 0
        self._file.write_bytes(b'')
        return count
