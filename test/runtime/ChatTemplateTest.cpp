//===- ChatTemplateTest.cpp - Templates that were damaged -----------------===//
//
// What right ones render is held to transformers in test/e2e/test_chat.py.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/ChatTemplate.h"
#include "test/Damage.h"
#include "gtest/gtest.h"

using namespace mica;
using namespace mica::test;

static const char kTemplate[] = R"({%- macro call(tool, more={}) -%}
  {"name": "{{ tool.name }}", "arguments": {{ tool.arguments | tojson(indent=2) }}}
{%- endmacro %}
{{- bos_token }}{% set ns = namespace(tools=false, turn=0) %}
{%- if messages[0]['role'] == 'system' -%}
  {{ '<|system|>' ~ messages[0].content | trim }}{% set rest = messages[1:] %}
{%- else %}{% set rest = messages %}{% endif %}
{%- for message in rest if message.role != "none" %}
  {%- set ns.turn = ns.turn + loop.index0 * 2 ** 3 // 4 %}
  {%- if message.content is string and 'x' not in message['content'] %}
    {{- message.content.split('</think>')[-1].lstrip('\n') }}
  {%- elif message.tool_calls is defined %}
    {%- for c in message.tool_calls | selectattr('function') | list %}
      {{- call(c.function) if loop.first else call(c['function'], more=[1, (2,)]) }}
    {%- endfor %}
  {%- else %}{{ raise_exception("no content: " + message.role | upper) }}
  {%- endif %}{{ eos_token if not loop.last }}
{%- endfor %}
{%- if add_generation_prompt %}{{ "<|assistant|>\n" }}{% endif %})";

TEST(ChatTemplate, damaged) {
  const auto variables = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": " s "},
                 {"role": "user", "content": "a \u00e9 b"},
                 {"role": "assistant", "content": null, "tool_calls": [
                   {"function": {"name": "f", "arguments": {"x": 1.5}}}]}],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})");
  auto errorOf = [&](const std::string &text) -> std::string {
    auto made = chat::ChatTemplate::create(text);
    if (!made)
      return made.error().message;
    auto shown = made->render(variables, {.steps = 200'000, .bytes = 1 << 22});
    return shown ? "none" : shown.error().message;
  };
  ASSERT_EQ(errorOf(kTemplate), "none");
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < kDamaged; ++i) {
    std::string message = errorOf(damaged(kTemplate, random));
    refused += message != "none";
    EXPECT_TRUE(message == "none" ||
                message.starts_with("chat template: line "))
        << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_GT(refused, kDamaged / 4);
  EXPECT_LT(refused, kDamaged);
}
