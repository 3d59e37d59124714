//===- FuzzChatTemplate.cpp - Chat templates of strangers -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/ChatTemplate.h"

#include "nlohmann/json.hpp"

#include <cstdlib>

using namespace mica;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const auto variables = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"},
                 {"role": "user", "content": "a \u00e9 b"},
                 {"role": "assistant", "content": null, "tool_calls": [
                   {"function": {"name": "f", "arguments": {"x": 1.5}}}]}],
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})");
  auto made =
      chat::ChatTemplate::create({reinterpret_cast<const char *>(data), size});
  if (!made)
    return 0;
  auto text = made->render(variables, {.steps = 200'000, .bytes = 1 << 22});
  // A message is one line.
  if (!text && text.error().message.find('\n') != std::string::npos)
    std::abort();
  return 0;
}
