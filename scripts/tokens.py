"""Counts the tokens of tests/tokens/corpus with OpenAI's own tokenizer and writes tests/tokens/counts.json.

Needs `pip install tiktoken`. tiktoken downloads the vocabulary o200k_base; without a way to the internet, give it the
copy that the PyPI package litellm brings along:

    TIKTOKEN_CACHE_DIR=.../litellm/litellm_core_utils/tokenizers python scripts/tokens.py

A text counts as it is. A chat body counts as OpenAI's cookbook does it ("How to count tokens with tiktoken"): its messages
and tools, with what they are wrapped in.
"""

import json
from pathlib import Path

import tiktoken

FOLDER = Path(__file__).parent.parent / "tests" / "tokens"
encoding = tiktoken.get_encoding("o200k_base")


def count(text: str) -> int:
    return len(encoding.encode(text, disallowed_special=()))


def of_messages(messages: list) -> int:
    fields = [(name, value) for message in messages for name, value in message.items()]
    named = sum(name == "name" for name, _ in fields)
    return 3 + 3 * len(messages) + named + sum(count(value) for _, value in fields)


def of_property(name: str, schema: dict) -> int:
    choices = schema.get("enum", [])
    total = 3 + sum(3 + count(choice) for choice in choices) - (3 if choices else 0)
    return total + count(f"{name}:{schema['type']}:{schema['description'].removesuffix('.')}")


def of_tool(tool: dict) -> int:
    function = tool["function"]
    properties = function["parameters"]["properties"]
    total = 7 + count(f"{function['name']}:{function['description'].removesuffix('.')}")
    return total + (3 if properties else 0) + sum(of_property(*item) for item in properties.items())


def of_file(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    if not path.name.startswith("tools"):
        return count(text)
    body = json.loads(text)
    return of_messages(body["messages"]) + 12 + sum(of_tool(tool) for tool in body["tools"])


counts = {path.name: of_file(path) for path in sorted((FOLDER / "corpus").iterdir())}
(FOLDER / "counts.json").write_text(json.dumps(counts, indent=2) + "\n")
