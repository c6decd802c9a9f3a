"""Files and batches of the simulated account."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.kept import Kept
from llm_gateway.simulator.problems import Problem

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="in"\r\n\r\nline\r\n--b--\r\n'
)


def ask(kept: Kept, method: str, path: str, query: str = "", body: bytes = b""):
    return kept.answer(method, path, query, b"multipart/form-data; boundary=b", body)


def test_a_batch_from_a_file():
    """Uploaded, named, over at the second look, and its output is a file."""
    kept = Kept()
    made = ask(kept, "POST", "/v1/files", body=FORM)
    assert (made["bytes"], made["purpose"], made["filename"]) == (4, "batch", "in")
    batch = ask(kept, "POST", "/v1/batches", body=b'{"input_file_id":"%b"}' % made["id"].encode())
    assert batch["status"] == "validating"
    done = ask(kept, "GET", f"/v1/batches/{batch['id']}")
    assert done["status"] == "completed"
    assert ask(kept, "GET", f"/v1/files/{done['output_file_id']}/content").pieces == (b"line",)
    with pytest.raises(Problem):
        ask(kept, "POST", f"/v1/batches/{batch['id']}/cancel")


def test_pages():
    """Newest first, after a given one, as many as asked for."""
    kept = Kept()
    names = [ask(kept, "POST", "/v1/files", body=FORM)["id"] for _ in range(3)]
    page = ask(kept, "GET", "/v1/files", "limit=2")
    assert [row["id"] for row in page["data"]] == [names[2], names[1]]
    assert page["has_more"]
    page = ask(kept, "GET", "/v1/files", f"limit=2&after={names[1]}")
    assert [row["id"] for row in page["data"]] == [names[0]]
    assert not page["has_more"]


def test_what_is_not_there():
    """404, after it was deleted as before it was made."""
    kept = Kept()
    name = ask(kept, "POST", "/v1/files", body=FORM)["id"]
    assert ask(kept, "DELETE", f"/v1/files/{name}")["deleted"]
    for method, path in (("GET", f"/v1/files/{name}"), ("DELETE", "/v1/files/x"), ("GET", "/v1/batches/x"), ("PUT", "/v1/files")):
        with pytest.raises(Problem) as refused:
            ask(kept, method, path)
        assert refused.value.status == 404


@pytest.mark.parametrize("body", [b"", b"garbage", FORM[:60]])
def test_a_form_that_is_none(body):
    """400."""
    with pytest.raises(Problem) as refused:
        ask(Kept(), "POST", "/v1/files", body=body)
    assert refused.value.status == 400
