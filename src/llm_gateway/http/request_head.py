"""The rules a request head must pass beyond what llhttp checks (RFC 9112, RFC 9110). Pure functions; each raises Refused.

llhttp refuses most malformed heads, but it also takes a second space in the request line, HTTP/0.9, HTTP/2.0, RTSP,
two Hosts, "Transfer-Encoding: gzip, chunked", a fragment in the target and more. What is here is what it lets through.
"""

from __future__ import annotations

import re

from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import Refused, malformed

Headers = dict[bytes, bytes]

CHUNKED = -1  # body_length's answer for a chunked body

# method SP target SP version CRLF, one space each. The target: visible ASCII without "#", which never goes on the wire.
match_request_line = re.compile(rb'([A-Z-]+) ([!"$-~]+) HTTP/1\.([01])\r\n').match
# What a front end can mean by a host: a name, an IPv4 or [IPv6] address, with or without a port.
_is_host = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?").fullmatch
_split_line = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/([0-9])\.([0-9])").fullmatch
_split_absolute = re.compile(rb"(https?)://([^/?]*)([^?]*)\??(.*)", re.IGNORECASE).fullmatch
_DEFAULT_PORT = {b"http": b":80", b"https": b":443"}
# Fields that frame or route the request: given twice, or with blanks after the value, they are refused.
SINGLE = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-encoding", b"expect"))


def refuse_request_line(head: bytes) -> Refused:
    """Why `head`, whose first line did not match, is refused: 414 is not decided here."""
    line = head.partition(b"\n")[0].removesuffix(b"\r")
    parts = _split_line(line)
    if parts is None:
        return malformed("the request line is not HTTP/1.1")
    if parts[3] != b"1" or parts[4] not in b"01":
        return Refused(505, "http_version_not_supported", "this server speaks HTTP/1.1")
    if b"#" in parts[2]:
        return malformed("the request target holds a fragment")
    if not parts[1].isupper():
        return Refused(501, "method_not_implemented", "the request method is not known")
    return malformed("the request line is not HTTP/1.1")


def check_start(head: bytes) -> None:
    """Refuse at once what cannot become a head however much follows: a stranger should not have to wait for a timeout."""
    if not head[:1].isalpha():
        raise malformed("the request does not begin with a method")
    line, feed, _ = head.partition(b"\n")
    if feed and not match_request_line(head):
        raise refuse_request_line(line)
    if head.count(b"\n") != head.count(b"\r\n"):
        raise malformed("a line does not end in CRLF")


def check_partial(rest: bytes, limits: ServerLimits) -> None:
    """Refuse the beginning of a head that has grown too long or is wrong as far as it goes."""
    line_end = rest.find(b"\n")
    if (len(rest) if line_end < 0 else line_end) > limits.url_bytes + 64:  # 64: room for method and version
        raise Refused(414, "uri_too_long", f"the request target is longer than {limits.url_bytes} bytes")
    check_start(rest)
    if len(rest) > limits.head_bytes:
        raise Refused(431, "headers_too_large", f"the request head is larger than {limits.head_bytes} bytes")


def split_target(method: bytes, target: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """(path, query) of a request target in origin-form, absolute-form or asterisk-form (RFC 9112 section 3.2)."""
    if target[0] == 0x2F:
        path, _, query = target.partition(b"?")
        return path, query
    if target == b"*" and method == b"OPTIONS":
        return target, b""
    parts = _split_absolute(target)
    if parts is None:
        raise malformed("the request target is neither a path nor an http URI")
    scheme, authority, path, query = parts.groups()
    port = _DEFAULT_PORT[scheme.lower()]
    if host is not None and authority.lower().removesuffix(port) != host.lower().removesuffix(port):
        raise malformed("the request target names another host than Host does")
    if not _is_host(authority):
        raise malformed("the request target's authority is not a host")
    return path or (b"*" if method == b"OPTIONS" and not query else b"/"), query


def check_host(host: bytes | None, minor: bytes) -> None:
    """Exactly one valid Host (RFC 9112 section 3.2); HTTP/1.0 may leave it out."""
    if host is None:
        if minor == b"1":
            raise malformed("Host is missing")
    elif not _is_host(host):
        raise malformed("Host is not a host name with an optional port")


def body_length(headers: Headers, minor: bytes) -> int:
    """Length of the body in bytes, or CHUNKED (RFC 9112 section 6.3). A request with neither header has none."""
    if b"transfer_encoding" in headers or b"content_length" in headers:
        raise malformed("a header name looks like a framing header to servers of the CGI family")
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is None:
        if length is None:
            return 0
        if not length.isdigit() or (length[0] == 0x30 and len(length) > 1):
            raise malformed("Content-Length is not a plain number")
        return int(length)
    if length is not None:
        raise malformed("both Transfer-Encoding and Content-Length are given")
    if minor == b"0":
        raise malformed("Transfer-Encoding is not part of HTTP/1.0")
    if coding.lower() != b"chunked":
        raise malformed("Transfer-Encoding must be chunked and nothing else")
    return CHUNKED


def check_coding(coding: bytes) -> None:
    """Refuse a body in a coding we would have to undo to know its size (CWE-409)."""
    if coding.lower() not in {b"identity", b""}:
        raise Refused(415, "unsupported_content_encoding", "request bodies are accepted without content coding only")


def check_expectation(expect: bytes) -> None:
    """417 for anything but 100-continue (RFC 9110 section 10.1.1)."""
    if expect.lower() != b"100-continue":
        raise Refused(417, "expectation_failed", "the only expectation met here is 100-continue")


def stays_open(method: bytes, headers: Headers, minor: bytes) -> bool:
    """Whether a request with a Connection header leaves it open (RFC 9112 section 9.3); 501 for a protocol switch.

    "Upgrade: h2c" is ignored, as RFC 9110 section 7.8 allows: Java's client offers it on every first request. A WebSocket's
    opening (RFC 6455 section 4.1) is a request like others; one that is answered otherwise is the connection's last, so that
    nobody in front who took the switch for granted can be led astray.
    """
    connection = headers[b"connection"].lower()
    if connection == b"keep-alive":
        return True
    options = {option.strip() for option in connection.split(b",")}
    if b"upgrade" in options and headers.get(b"upgrade", b"h2c").lower() != b"h2c":
        if not _opens_websocket(method, headers, minor):
            raise Refused(501, "upgrade_not_supported", "this server switches to no protocol but WebSocket")
        return False
    return b"close" not in options and (minor == b"1" or b"keep-alive" in options)


def _opens_websocket(method: bytes, headers: Headers, minor: bytes) -> bool:
    if method != b"GET" or minor != b"1" or b"sec-websocket-key" not in headers:
        return False
    return headers[b"upgrade"].lower() == b"websocket" and body_length(headers, minor) == 0
