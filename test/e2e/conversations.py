"""Ten conversations, some with tools, as `transformers` takes them."""
CALL = {"id": "abcdef123", "type": "function", "function": {
    "name": "weather", "arguments": {"place": "Zürich", "days": 2, "raw": 1.50,
                                     "exact": True, "unit": None}}}
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "Tells <the> weather's \"state\" & more.",
    "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "où"},
        "days": {"type": "integer", "default": 1},
        "unit": {"type": ["string", "null"]},
        "kind": {"type": "string", "enum": ["now", "later"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "deep": {"type": "object", "properties": {
            "x": {"type": "number"}}, "required": ["x"]}},
        "required": ["place"]}}}
EMPTY = {"type": "function", "function": {
    "name": "now", "description": "", "parameters": {
        "type": "object", "properties": {}, "required": []}}}


def _said(*texts):
    return [{"role": ("user", "assistant")[i % 2], "content": text}
            for i, text in enumerate(texts)]


SYSTEM = {"role": "system", "content": " You are terse. "}
ASKED = [*_said("Weather?"), {"role": "assistant", "content": "",
                              "tool_calls": [CALL]},
         {"role": "tool", "name": "weather", "tool_call_id": "abcdef123",
          "content": "{\"t\": 21}"}]

CONVERSATIONS = [
    {"messages": _said("Hello"), "add_generation_prompt": True},
    {"messages": _said("Hello", "Hi."), "add_generation_prompt": False},
    {"messages": [SYSTEM, *_said("Hello")], "add_generation_prompt": True},
    {"messages": [SYSTEM, *_said("a\n\n b ", "c\t", "  d")],
     "add_generation_prompt": True},
    {"messages": _said("日本語 'q' \"d\" \\n <b>&amp;", "🦊 ça", "и?"),
     "add_generation_prompt": True, "enable_thinking": False},
    {"messages": _said("", "", "x"), "add_generation_prompt": True},
    {"messages": [SYSTEM, *_said("Weather?")], "tools": [TOOL, EMPTY],
     "add_generation_prompt": True},
    {"messages": [*ASKED, *_said("unused", "21 degrees.", "Thanks")[1:]],
     "tools": [TOOL], "add_generation_prompt": True},
    {"messages": _said("2+2?", "<think>\nfour\n</think>\n\n4", "sure?",
                       "<think>\nyes\n</think>\n\nYes."),
     "add_generation_prompt": False, "controls": {"length": "long"}},
    {"messages": [{"role": "user", "content": [
        {"type": "text", "text": " What is "}, {"type": "image"},
        {"type": "text", "text": "this? "}]}], "add_generation_prompt": True},
]
