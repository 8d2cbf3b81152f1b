# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""ClientHellos that no library would send: built by hand, byte by byte (RFC 8446, section 4.1.2)."""
import os
import struct


def vector(width, data):
    return len(data).to_bytes(width, "big") + data


def extension(number, data):
    return struct.pack(">H", number) + vector(2, data)


def server_name(name):
    return extension(0, vector(2, b"\0" + vector(2, name.encode())))


def supported_versions(*versions):
    return extension(43, vector(1, b"".join(struct.pack(">H", version) for version in versions)))


def ech():
    return extension(0xfe0d, os.urandom(32))


def hello(*extensions, legacy=0x0303, random=None):
    """One record that holds one ClientHello."""
    body = struct.pack(">H", legacy) + (random or os.urandom(32)) + vector(1, os.urandom(32))
    body += vector(2, bytes.fromhex("130113021303c02fc030")) + vector(1, b"\0")
    body += vector(2, b"".join(extensions))
    message = b"\1" + vector(3, body)
    return b"\x16\x03\x01" + vector(2, message)


def modern(name, *more):
    return hello(server_name(name), supported_versions(0x0304, 0x0303), *more)
