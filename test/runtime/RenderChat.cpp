//===- RenderChat.cpp - Renders chat templates for tests ------------------===//
//
// Reads lines of JSON, each a list [template, variables], and writes for each a
// line of JSON: the text, or {"error": message}.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/ChatTemplate.h"

#include "nlohmann/json.hpp"

#include <iostream>

using namespace mica;
using nlohmann::ordered_json;

static ordered_json render(const ordered_json &job) {
  auto made = chat::ChatTemplate::create(job[0].get<std::string>());
  if (!made)
    return {{"error", made.error().message}};
  auto text = made->render(job[1]);
  if (!text)
    return {{"error", text.error().message}};
  return *text;
}

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    ordered_json job = ordered_json::parse(line, nullptr, false);
    if (!job.is_array() || job.size() != 2 || !job[0].is_string())
      return 1;
    std::cout << render(job).dump(-1, ' ', false,
                                  ordered_json::error_handler_t::replace)
              << '\n';
  }
}
