# SPDX-License-Identifier: Apache-2.0
"""PKCS#11 libraries that do something of their own, made of C."""

import pathlib

from secretstore.tests.functional.services import system, tokens

# A library with another one behind it, of whose functions one is replaced.
_AROUND = """
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef unsigned long U;
static void *table[69], *behind[69];

%s

U C_GetFunctionList(void **list) {
    void *library = dlopen(LIBRARY, RTLD_NOW);
    ((U (*)(void **))dlsym(library, "C_GetFunctionList"))(list);
    memcpy(behind, *list, sizeof behind);
    memcpy(table, *list, sizeof table);
    table[POINTER] = (void *)instead;
    *list = table;
    return 0;
}
"""
_LOGIN = 19
# Each login is seen: a file grows by one byte. As long as there is another
# file, it crashes then, or hangs.
_COUNTING = """
static U instead(U session, U user, void *pin, U length) {
    int file = open(ATTEMPTS, O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (write(file, "x", 1) != 1)
        return 0x30; /* CKR_DEVICE_ERROR */
    close(file);
    if (access(CRASH, F_OK) == 0)
        abort();
    if (access(HANG, F_OK) == 0)
        sleep(60);
    return ((U (*)(U, U, void *, U))behind[POINTER])(
        session, user, pin, length);
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


def around(
    token: tokens.Token, pointer: int, instead: str, **values: object
) -> pathlib.Path:
    """The library of a token with one function replaced.

    :param pointer: the number of its pointer in CK_FUNCTION_LIST
    :param instead: C code of a function of this name, for which
        behind[POINTER] is the real one
    """
    return compiled(
        token.folder,
        _AROUND % instead,
        LIBRARY=token.library,
        POINTER=pointer,
        **values,
    )


class Logins:
    """The library of a token, which counts how often it is logged in to.

    It crashes at each login as long as the file crash exists, and hangs as
    long as hang does.
    """

    def __init__(self, token: tokens.Token) -> None:
        self._file = token.folder / 'logins'
        self.crash = token.folder / 'crash'
        self.hang = token.folder / 'hang'
        self.library = around(
            token,
            _LOGIN,
            _COUNTING,
            ATTEMPTS=self._file,
            CRASH=self.crash,
            HANG=self.hang,
        )

    def taken(self) -> int:
        """How many there were since the last time."""
        count = self._file.stat().st_size if self._file.exists() else 0
        self._file.write_bytes(b'')
        return count
