//===- LogProbs.cpp - Log probabilities as lines of JSON ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/LogProbs.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>

using namespace mica;
using nlohmann::ordered_json;

Expected<LogProbWriter> LogProbWriter::create(const std::string &path,
                                              const Tokenizer &tokenizer) {
  LogProbWriter writer(tokenizer);
  if (path.empty())
    return writer;
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  writer.file = std::move(*file);
  return writer;
}

static ordered_json toJson(const TokenLogProb &token,
                           const Tokenizer &tokenizer) {
  std::string bytes = tokenizer.bytes(token.id);
  ordered_json out = {
      {"id", token.id},
      {"token", bytes},
      {"logprob",
       std::max(token.logProb, std::numeric_limits<double>::lowest())},
      {"bytes", ordered_json::array()}};
  for (char byte : bytes)
    out["bytes"].push_back(static_cast<unsigned char>(byte));
  return out;
}

Status LogProbWriter::write(const LogProbs &logProbs) {
  ordered_json out = toJson(logProbs.token, *tokenizer);
  out["top_logprobs"] = ordered_json::array();
  for (const TokenLogProb &token : logProbs.best)
    out["top_logprobs"].push_back(toJson(token, *tokenizer));
  std::string line =
      out.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  if (file)
    return file->write(line.data(), line.size());
  std::fwrite(line.data(), 1, line.size(), stderr);
  return {};
}

Status LogProbWriter::commit() { return file ? file->commit() : Status(); }
