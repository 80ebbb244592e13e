"""What a program does with the official Python SDK. Usage: sdk.py works|limited|failing|dead|cut

Base URL and client key come from OPENAI_BASE_URL and OPENAI_API_KEY, as in any program. Prints `ok <rule>` or
`failed <rule>` for each case of the group; the exit status is 1 if one failed.
"""

import asyncio
import base64
import sys
import traceback

import openai
from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-4o-mini"
# The mock provider's 4 KiB of sound.
SOUND = bytes((i * 31 + (i >> 8)) & 255 for i in range(4096))
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}

client = OpenAI(max_retries=0)
cases = {}


def case(group, rule):
    def add(function):
        cases.setdefault(group, []).append((rule, function))
        return function

    return add


def say(text):
    return [{"role": "user", "content": text}]


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


@case("works", "chat answers with text and usage")
def _():
    answer = client.chat.completions.create(model=MODEL, messages=say("two words"))
    assert answer.choices[0].message.content == "You said: two words"
    assert answer.usage.total_tokens == 6
    assert answer._request_id.startswith("req_mock_")


@case("works", "chat streams text and usage, emoji whole")
def _():
    options = {"include_usage": True}
    stream = client.chat.completions.create(model=MODEL, messages=say("naïve 👩‍👩‍👧 日本"), stream=True, stream_options=options)
    text, usage = "", None
    for chunk in stream:
        usage = chunk.usage or usage
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert text == "You said: naïve 👩‍👩‍👧 日本", text
    assert usage.total_tokens == 8, usage


@case("works", "chat streams a tool call in pieces")
def _():
    stream = client.chat.completions.create(model=MODEL, messages=say("weather?"), tools=[WEATHER], stream=True)
    name, arguments, finish = "", "", None
    for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
    assert (name, arguments, finish) == ("weather", '{"city":"a city"}', "tool_calls")


@case("works", "twenty chats at once, asynchronously")
def _():
    async def all_of_them():
        async with AsyncOpenAI(max_retries=0) as many:
            calls = [many.chat.completions.create(model=MODEL, messages=say(f"number {i}")) for i in range(20)]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*calls)]

    assert asyncio.run(all_of_them()) == [f"You said: number {i}" for i in range(20)]


@case("works", "text completions answer")
def _():
    assert client.completions.create(model=MODEL, prompt="once").choices[0].text == "once and so on"


@case("works", "responses answer and stream named events")
def _():
    assert client.responses.create(model=MODEL, input="hi").output_text == "You said: hi"
    types = [event.type for event in client.responses.create(model=MODEL, input="hi", stream=True)]
    assert (types[0], types[-1]) == ("response.created", "response.completed")


@case("works", "embeddings come as floats")
def _():
    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "bcd"])
    assert answer.data[1].embedding == [n / 16 for n in range(3, 11)]


@case("works", "images are generated and edited")
def _():
    made = client.images.generate(model="dall-e-3", prompt="a dot", response_format="b64_json")
    png = base64.b64decode(made.data[0].b64_json)
    assert png[1:4] == b"PNG"
    assert client.images.edit(model="dall-e-2", image=("dot.png", png, "image/png"), prompt="a line").data[0].b64_json


@case("works", "speech arrives byte for byte")
def _():
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="hello").content == SOUND
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="hello") as answer:
        assert b"".join(answer.iter_bytes(1000)) == SOUND


@case("works", "sound is uploaded for transcription and translation")
def _():
    file = ("talk.mp3", SOUND, "audio/mpeg")
    assert client.audio.transcriptions.create(model="whisper-1", file=file).text == "talk.mp3: 4096 bytes"
    assert client.audio.translations.create(model="whisper-1", file=file).text == "talk.mp3: 4096 bytes"
    assert client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text") == "talk.mp3: 4096 bytes\n"


@case("works", "moderations answer")
def _():
    assert client.moderations.create(input="I will kill it").results[0].flagged


@case("works", "a file is uploaded, listed, looked at, read back and deleted")
def _():
    lines = '{"a":1}\n{"b":"ü"}\n'.encode()
    made = client.files.create(file=("lines.jsonl", lines), purpose="batch")
    assert made.id in [file.id for file in client.files.list()]
    assert client.files.retrieve(made.id).bytes == len(lines)
    assert client.files.content(made.id).content == lines
    assert client.files.delete(made.id).deleted


@case("works", "models are listed and looked at")
def _():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


@case("works", "BadRequestError for the caller's mistake")
def _():
    error = raises(openai.BadRequestError, lambda: client.chat.completions.create(model=MODEL, messages=None))
    assert error.code == "missing_required_parameter"


@case("works", "AuthenticationError for a client key that is not known")
def _():
    stranger = OpenAI(api_key="kp-not-a-client", max_retries=0)
    error = raises(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=MODEL, messages=say("hi")))
    assert error.code == "invalid_api_key"


@case("works", "NotFoundError for a file that is not there")
def _():
    raises(openai.NotFoundError, lambda: client.files.retrieve("file-none"))


@case("limited", "RateLimitError when every key is limited, with the time to wait")
def _():
    error = raises(openai.RateLimitError, lambda: client.chat.completions.create(model=MODEL, messages=say("hi")))
    assert int(error.response.headers["retry-after"]) > 0
    assert error.request_id


@case("failing", "InternalServerError when the provider fails")
def _():
    error = raises(openai.InternalServerError, lambda: client.chat.completions.create(model=MODEL, messages=say("hi")))
    assert (error.status_code, error.code) == (502, "upstream_failed")


@case("dead", "InternalServerError, not AuthenticationError, when the pool's own keys are dead")
def _():
    error = raises(openai.InternalServerError, lambda: client.chat.completions.create(model=MODEL, messages=say("hi")))
    assert (error.status_code, error.code) == (502, "upstream_auth_failed")


@case("cut", "APIError out of a stream that breaks")
def _():
    stream = client.chat.completions.create(model=MODEL, messages=say("one two three"), stream=True)
    error = raises(openai.APIError, lambda: list(stream))
    assert error.code == "upstream_stream_interrupted", repr(error)


def main(group):
    failed = 0
    for rule, function in cases[group]:
        try:
            function()
            print("ok", rule)
        except Exception:
            failed = 1
            print("failed", rule)
            traceback.print_exc(file=sys.stdout)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
