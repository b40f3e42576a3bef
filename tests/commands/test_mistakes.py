"""Forty mistakes that people make: each is one line that says what is wrong and what to do."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

import pytest

from exporter.cli import main
from tests.golden import golden

if TYPE_CHECKING:
    from pathlib import Path

GOOD: Final = "registries: [{url: 'https://r.example', name: main}]\n"
FILES: Final = {
    "good.yml": GOOD,
    "typo.yml": "regstries: []\n",
    "tab.yml": "registries:\n\t- url: x\n",
    "unit.yml": f"{GOOD}interval: 15\n",
    "http.yml": "registries: [{url: 'http://r.example'}]\n",
    "twice.yml": "registries: [{url: 'https://r.example'}, {url: 'https://r.example'}]\n",
    "role.yml": "registries: [{url: 'https://r.example', role: mirrored}]\n",
    "ledger.yml": f"{GOOD}ledger: nowhere/ledger.db\n",
    "secret.yml": "registries: [{url: 'https://r.example', username: u, password_file: none}]\n",
    "empty": "",
}
MISTAKES: Final = """
chek x
check --plain-htp r.example
check -o jsn r.example
check --output
check
check R.Example/App:v1
check r.example/app:
check r.example/app@sha256:123
check --refs none.txt
check --config none.yml
check --config typo.yml
check --config tab.yml
check --config unit.yml
check --config http.yml
check --config twice.yml
check --config role.yml
check --config secret.yml
check --config good.yml mian/app:v1
check --config good.yml --insecure r.example
check --username me r.example
check --platform amd64 r.example
check --timeout 5 r.example
check --concurrency many r.example
check --ca-file none.pem r.example
check --insecure --ca-file empty r.example
check --from none
check --from empty
check localhost:1
check nosuch.invalid
check http://localhost:1
check http://localhost:1 r.example
inspect
inspect a b
explain sha256:123
snapshot r.example
diff good.yml
diff empty empty
preflight --storage none --gc distribution-2
preflight --gc distribution-4 --storage .
preflight --storage . --from empty
protect --prefix /x r.example
scrub --limit-rate fast r.example
facts exprt
facts export r.example
capacity
serve
serve --config ledger.yml --check-config
serve --config good.yml --shard 4/4
serve --config good.yml --shard one
""".strip().splitlines()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def resolve(host: str, *more: object, **others: object) -> object:
        if host.endswith((".invalid", ".example")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **others)  # type: ignore[arg-type] # what was given is passed on

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_forty_mistakes_are_told_in_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, unclear = [], []
    for mistake in MISTAKES:
        try:
            code = main(mistake.split())
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        lines = captured.err.splitlines()
        said = captured.err.replace(str(tmp_path), "FOLDER")
        plain = not captured.out and code in (2, 3) and 1 <= len(lines) <= 2
        if not plain or re.search(r"Traceback|Errno|Error:|internal error", said):
            unclear.append((mistake, code, captured.out[:200], said))
        told.append(f"$ pullproof {mistake}\n{code}: {said}")

    assert unclear == []
    golden("mistakes.txt", "\n".join(told))
