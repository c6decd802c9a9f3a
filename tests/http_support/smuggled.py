"""Requests that two parsers could read differently, each with another request hidden behind it or inside."""

from __future__ import annotations

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
EMPTY_CHUNKED = b"0\r\n\r\n"

# How a Transfer-Encoding line can be bent so that one parser sees chunked and another does not.
TE_LINES: dict[str, bytes] = {
    "space before colon": b"Transfer-Encoding : chunked",
    "tab before colon": b"Transfer-Encoding\t: chunked",
    "leading space": b" Transfer-Encoding: chunked",
    "leading tab": b"\tTransfer-Encoding: chunked",
    "vertical tab before value": b"Transfer-Encoding:\x0bchunked",
    "form feed before value": b"Transfer-Encoding:\x0cchunked",
    "vertical tab after value": b"Transfer-Encoding: chunked\x0b",
    "trailing space": b"Transfer-Encoding: chunked ",
    "trailing tab": b"Transfer-Encoding: chunked\t",
    "trailing cr": b"Transfer-Encoding: chunked\r",
    "leading cr": b"\rTransfer-Encoding: chunked",
    "bare cr in name": b"Transfer\r-Encoding: chunked",
    "cr before value": b"Transfer-Encoding:\rchunked",
    "lf before value": b"Transfer-Encoding:\nchunked",
    "folded value": b"Transfer-Encoding:\r\n chunked",
    "folded value by tab": b"Transfer-Encoding:\r\n\tchunked",
    "folded before": b"X: y\r\n Transfer-Encoding: chunked",
    "hidden by bare lf": b"X: y\nTransfer-Encoding: chunked",
    "hidden by bare cr": b"X: y\rTransfer-Encoding: chunked",
    "lf then header": b"\nTransfer-Encoding: chunked",
    "nul in value": b"Transfer-Encoding: chunked\0",
    "nul before value": b"Transfer-Encoding: \0chunked",
    "nul in name": b"Transfer\0Encoding: chunked",
    "nul before name": b"\0Transfer-Encoding: chunked",
    "delete in value": b"Transfer-Encoding: chunked\x7f",
    "control in value": b"Transfer-Encoding: \x01chunked",
    "latin byte in value": b"Transfer-Encoding: \xa0chunked",
    "next line byte": b"Transfer-Encoding: chunked\x85",
    "high byte in name": b"Transfer-Encoding\xff: chunked",
    "high byte before name": b"\xffTransfer-Encoding: chunked",
    "underscore": b"Transfer_Encoding: chunked",
    "space in name": b"Transfer Encoding: chunked",
    "no colon": b"Transfer-Encoding chunked",
    "equals": b"Transfer-Encoding= chunked",
    "quoted name": b'"Transfer-Encoding": chunked',
    "parenthesis": b"Transfer-Encoding(x): chunked",
    "quoted value": b'Transfer-Encoding: "chunked"',
    "single quoted": b"Transfer-Encoding: 'chunked'",
    "xchunked": b"Transfer-Encoding: xchunked",
    "chunkedx": b"Transfer-Encoding: chunkedx",
    "chunk": b"Transfer-Encoding: chunk",
    "identity": b"Transfer-Encoding: identity",
    "chunked then identity": b"Transfer-Encoding: chunked, identity",
    "identity then chunked": b"Transfer-Encoding: identity, chunked",
    "gzip then chunked": b"Transfer-Encoding: gzip, chunked",
    "gzip": b"Transfer-Encoding: gzip",
    "chunked twice in one": b"Transfer-Encoding: chunked, chunked",
    "leading comma": b"Transfer-Encoding: ,chunked",
    "trailing comma": b"Transfer-Encoding: chunked,",
    "parameter": b"Transfer-Encoding: chunked;q=1",
    "semicolon": b"Transfer-Encoding: chunked;",
    "empty": b"Transfer-Encoding:",
    "split word": b"Transfer-Encoding: chun ked",
    "two lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "second line identity": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "first line identity": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "second line nonsense": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "second in other case": b"Transfer-Encoding: chunked\r\ntransfer-encoding: CHUNKED",
    "second empty": b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
}

CL_LINES: dict[str, bytes] = {
    "plus": b"Content-Length: +5",
    "minus": b"Content-Length: -5",
    "list of same": b"Content-Length: 5,5",
    "list of same, spaced": b"Content-Length: 5, 5",
    "list of different": b"Content-Length: 5,0",
    "hexadecimal": b"Content-Length: 0x5",
    "octal look": b"Content-Length: 05",
    "exponent": b"Content-Length: 5e0",
    "fraction": b"Content-Length: 5.0",
    "trailing space": b"Content-Length: 5 ",
    "trailing tab": b"Content-Length: 5\t",
    "vertical tab": b"Content-Length: \x0b5",
    "form feed after": b"Content-Length: 5\x0c",
    "inner space": b"Content-Length: 5 0",
    "underscore digits": b"Content-Length: 1_0",
    "letters after": b"Content-Length: 5abc",
    "semicolon": b"Content-Length: 5;",
    "quoted": b'Content-Length: "5"',
    "empty": b"Content-Length:",
    "blank": b"Content-Length:  ",
    "arabic digit": "Content-Length: ٥".encode(),
    "nul": b"Content-Length: 5\0",
    "bare cr": b"Content-Length: 5\r",
    "bare lf": b"Content-Length:\n5",
    "folded": b"Content-Length:\r\n 5",
    "space before colon": b"Content-Length : 5",
    "leading space": b" Content-Length: 5",
    "underscore name": b"Content_Length: 5",
    "twice the same": b"Content-Length: 5\r\nContent-Length: 5",
    "twice different": b"Content-Length: 5\r\nContent-Length: 0",
    "twice, other case": b"Content-Length: 5\r\ncontent-length: 5",
    "past 64 bits": b"Content-Length: 18446744073709551621",
    "past everything": b"Content-Length: " + b"9" * 40,
}

CHUNKS: dict[str, bytes] = {
    "hexadecimal prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "leading space": b" 5\r\nhello\r\n0\r\n\r\n",
    "trailing space": b"5 \r\nhello\r\n0\r\n\r\n",
    "trailing tab": b"5\t\r\nhello\r\n0\r\n\r\n",
    "space before extension": b"5 ;x\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "empty size": b"\r\nhello\r\n0\r\n\r\n",
    "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "many digits": b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n",
    "64 bit wrap": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "bare lf after size": b"5\nhello\r\n0\r\n\r\n",
    "bare cr after size": b"5\rhello\r\n0\r\n\r\n",
    "bare lf after data": b"5\r\nhello\n0\r\n\r\n",
    "bare cr after data": b"5\r\nhello\r0\r\n\r\n",
    "no crlf after data": b"5\r\nhello0\r\n\r\n",
    "data too long": b"5\r\nhelloo\r\n0\r\n\r\n",
    "data too short": b"5\r\nhell\r\n0\r\n\r\n",
    "bare lf in extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "bare cr in extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "lf in quoted extension": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    "nul in extension": b"5;\0\r\nhello\r\n0\r\n\r\n",
    "space in extension value": b"5;a=b c\r\nhello\r\n0\r\n\r\n",
    "empty extension": b"5;\r\nhello\r\n0\r\n\r\n",
    "long extension": b"5;" + b"a" * 9000 + b"\r\nhello\r\n0\r\n\r\n",
    "many extensions": (b"1;" + b"a" * 100 + b"\r\nx\r\n") * 100 + b"0\r\n\r\n",
    "padded size": b"0" * 9000 + b"5\r\nhello\r\n0\r\n\r\n",
    "last chunk with bare lf": b"0\r\n\n",
    "trailer with space before colon": b"0\r\nX : y\r\n\r\n",
    "trailer folded": b"0\r\n X: y\r\n\r\n",
    "trailer with bare lf": b"0\r\nX: y\nZ: z\r\n\r\n",
    "trailer with nul": b"0\r\nX: \0\r\n\r\n",
    "trailer content-length": b"0\r\nContent-Length : 5\r\n\r\n",
    "trailers too long": b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
}

HEADS: dict[str, bytes] = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two equal hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two hosts, other case": b"GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
    "empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "host with user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "host with path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host list": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "host with space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with trailing space": b"GET / HTTP/1.1\r\nHost: a \r\n\r\n",
    "host with letters as port": b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "host with two ports": b"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
    "host with high byte": b"GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n",
    "host with open bracket": b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "target names another host": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "target names another port": b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with user": b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "target of other scheme": b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "target without authority": b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with high byte": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with nul": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with tab": b"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with delete": b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
    "target with space": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "relative target": b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk for get": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces before version": b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    "tab for space": b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
    "trailing space": b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "leading space": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "leading lf": b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "leading cr": b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "empty line, then a bare cr": b"\r\n\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "leading nul": b"\0GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare lf everywhere": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare lf after request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "bare cr after request line": b"GET / HTTP/1.1\rHost: a\r\n\r\n",
    "bare lf at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    "method with delimiter": b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "http/0.9": b"GET /\r\n\r\n",
    "http/0.9 in words": b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "http/1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "http/1.10": b"GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "http/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "http/3.0": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "lower-case version": b"GET / http/1.1\r\nHost: a\r\n\r\n",
    "other protocol": b"GET / RTSP/1.0\r\nHost: a\r\n\r\n",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "connect": b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "websocket": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "unknown expectation": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
    "space before first header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "empty header name": b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "control in header name": b"GET / HTTP/1.1\r\nHost: a\r\nX\x01: y\r\n\r\n",
    "control in header value": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x08\r\n\r\n",
    "delete in header value": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
    "nul in header value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
}


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A POST with these header lines in this order."""
    return b"\r\n".join((b"POST / HTTP/%b" % version, b"Host: a", *lines, b"", body))


def mutations() -> dict[str, bytes]:
    """Name -> the bytes of a request that must be refused, the hidden request inside where it would be found."""
    table: dict[str, bytes] = {f"head: {name}": data for name, data in HEADS.items()}
    te = b"Transfer-Encoding: chunked"
    for name, line in TE_LINES.items():
        hidden = b"0\r\n\r\n" + HIDDEN
        table[f"te.te {name}"] = post(line, te, body=hidden)
        table[f"te.te reversed {name}"] = post(te, line, body=hidden)
        table[f"cl.te {name}"] = post(b"Content-Length: %d" % len(hidden), line, body=hidden)
        table[f"te.cl {name}"] = post(line, b"Content-Length: 4", body=b"2c\r\n" + HIDDEN + b"\r\n0\r\n\r\n")
        table[f"1.0 {name}"] = post(line, body=hidden, version=b"1.0")
    for name, line in CL_LINES.items():
        table[f"cl {name}"] = post(line, body=b"hello" + HIDDEN)
        table[f"cl.cl {name}"] = post(b"Content-Length: 0", line, body=b"hello" + HIDDEN)
        table[f"cl.te with cl {name}"] = post(line, te, body=EMPTY_CHUNKED + HIDDEN)
    for name, body in CHUNKS.items():
        table[f"chunk {name}"] = post(te, body=body + HIDDEN)
    table["cl and te"] = post(b"Content-Length: 5", te, body=EMPTY_CHUNKED + HIDDEN)
    table["te and cl"] = post(te, b"Content-Length: 5", body=EMPTY_CHUNKED + HIDDEN)
    table["te on http/1.0"] = post(te, body=EMPTY_CHUNKED + HIDDEN, version=b"1.0")
    return table


MUTATIONS = mutations()
