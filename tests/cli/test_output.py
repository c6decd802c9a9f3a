"""What commands show of names that others chose."""

from __future__ import annotations

from llm_gateway.cli.output import Output, plain


def test_a_name_is_shown_and_never_obeyed(capsys):
    """Brackets are no markup (a key that was named so ended the command), and escapes do not reach the terminal."""
    output = Output(as_json=False)
    name = "[/x] [red]k[/red] \x1b]0;title\x07\x9b31m\u202eecilA"
    output.table({}, ("name", "of"), [(name, "[link=http://x]acme[/link]")])
    output.show({}, f"{name}\nsecond line")
    output.note(name)
    said = capsys.readouterr()
    shown = "[/x] [red]k[/red] \ufffd]0;title\ufffd\ufffd31m\ufffdecilA"
    assert said.out.count(shown) == 2
    assert "[link=http://x]acme[/link]" in said.out
    assert "\nsecond line\n" in said.out
    assert said.err.count(shown) == 1
    assert "\x1b" not in said.out + said.err


def test_what_people_write_stays():
    """Accents, other scripts, tabs and line ends are no danger."""
    assert (
        plain("Zo\u00eb \u05d0\u05d1\u05d2\t1\n\u65e5\u672c \U0001f600")
        == "Zo\u00eb \u05d0\u05d1\u05d2\t1\n\u65e5\u672c \U0001f600"
    )
