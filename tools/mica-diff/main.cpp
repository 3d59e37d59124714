//===- main.cpp - mica diff -----------------------------------------------===//

#include "tools/mica-diff/Diff.h"
#include "tools/mica/Npy.h"
#include "tools/mica/Support.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

using namespace mica;
using nlohmann::json;

namespace {

/// As of diff(1): ops differ; no comparison was made.
constexpr int kDifferent = 1, kFailed = 2;

struct Flags {
  DiffOptions diff;
  std::string prompt, tokens;
  bool reference = false, list = false, all = false, json = false;
};

void addFlags(CLI::App &app, Flags &flags) {
  DiffOptions &o = flags.diff;
  app.add_option("model", o.model, "A .mica file")->required();
  auto *what = app.add_option_group("compared with");
  auto *reference = what->add_flag(
      "--reference", flags.reference,
      "The reference lowering of the checkpoint that was compiled, op by op");
  what->add_option("--against", o.against,
                   "A directory of .npy files, float [sequences, tokens, "
                   "columns]: embeddings.npy, layer.0.npy (the output of "
                   "layer 0), ..., logits.npy, or of single ops as by --list");
  what->add_flag("--list", flags.list,
                 "Nothing: print the names of files for --against");
  what->require_option(1);
  app.add_option("--checkpoint", o.checkpoint,
                 "What was compiled, if it is not where the artifact says")
      ->needs(reference);
  auto *prompt = app.add_option("-p,--prompt", flags.prompt, "A text to run");
  app.add_option("--tokens", flags.tokens,
                 "Or its ids: a .npy file, int32 [sequences, tokens]")
      ->excludes(prompt);
  app.add_option("--decode-from", o.decodeFrom,
                 "From position K on, feed one token a step");
  app.add_option("--tolerance", o.factor,
                 "Multiples of the type's rounding that are tolerated; 8 of "
                 "what the reference itself moves by, 16 of dumps, times the "
                 "root of the depth")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", o.threads, "Threads; 0: one for each core");
  app.add_flag("--all", flags.all,
               "Show every op, not only the worst of each layer");
  app.add_flag("--json", flags.json, "Print every op as JSON");
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

Expected<DiffTokens> readTokens(const std::string &path) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  auto array = parseNpy(*bytes, path);
  if (!array)
    return array.takeError();
  const auto &shape = array->shape;
  if (shape.empty() || shape.size() > 2 || array->values.empty())
    return Error{path + ": shape has " + std::to_string(shape.size()) +
                 " dimensions and " + std::to_string(array->values.size()) +
                 " values, expected [sequences, tokens] and 1 or more"};
  return DiffTokens{shape.size() == 2 ? shape[0] : 1, shape.back(),
                    std::move(array->values)};
}

Expected<DiffTokens> tokenize(const Flags &flags, const Model &model) {
  auto tokenizer = loadTokenizer(model, flags.diff.model);
  if (!tokenizer)
    return tokenizer.takeError();
  auto ids = tokenizer->encode(flags.prompt);
  if (ids.empty())
    return Error{"prompt: no tokens, expected -p or --tokens with some"};
  uint64_t length = ids.size();
  return DiffTokens{1, length, std::move(ids)};
}

//===----------------------------------------------------------------------===//
// What was found
//===----------------------------------------------------------------------===//

std::string phaseOf(const Model &model, const Finding &finding) {
  return model.manifest().phases[finding.output->phase];
}

/// Where in the rows the worst of `finding` is.
std::string placeOf(const Finding &finding, const DiffTokens &tokens) {
  std::string text = "token " + std::to_string(finding.row % tokens.length);
  if (tokens.sequences > 1)
    text += " of sequence " + std::to_string(finding.row / tokens.length);
  if (finding.column >= 0)
    text += ", column " + std::to_string(finding.column);
  return text;
}

json toJson(const Model &model, const Finding &finding,
            const DiffTokens &tokens) {
  auto number = [](double x) { return std::isfinite(x) ? json(x) : json(); };
  json entry = {{"layer", finding.layer},
                {"op", finding.output->op},
                {"names", finding.output->names},
                {"phase", phaseOf(model, finding)},
                {"error", number(finding.error)},
                {"tolerance", number(finding.tolerance)},
                {"ratio", number(finding.ratio)},
                {"sequence", finding.row / tokens.length},
                {"token", finding.row % tokens.length},
                {"ok", !finding.isOut()}};
  if (finding.column >= 0)
    entry["column"] = finding.column;
  return entry;
}

void printJson(const Model &model, const DiffResult &result,
               const DiffTokens &tokens) {
  json ops = json::array();
  for (const Finding &finding : result.findings)
    ops.push_back(toJson(model, finding, tokens));
  json out = {{"ops", std::move(ops)},
              {"hidden", result.hidden},
              {"first", result.first.output
                            ? toJson(model, result.first, tokens)
                            : json()}};
  std::printf("%s\n",
              out.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
}

/// Of every layer, and of what stands around the layers, the worst.
std::vector<Finding> worstOfLayers(const std::vector<Finding> &findings) {
  std::vector<Finding> worst;
  for (const Finding &finding : findings) {
    if (worst.empty() || finding.layer < 0 ||
        worst.back().layer != finding.layer)
      worst.push_back(finding);
    else if (finding.ratio > worst.back().ratio)
      worst.back() = finding;
  }
  return worst;
}

void printTable(const Model &model, const std::vector<Finding> &findings) {
  std::printf("%-5s  %-14s %-36s %9s %9s\n", "layer", "phase", "op", "error",
              "tolerance");
  for (const Finding &f : findings) {
    std::string layer = f.layer < 0 ? "-" : std::to_string(f.layer);
    std::printf("%5s  %-14s %-36s %9.2e %9.2e%s\n", layer.c_str(),
                phaseOf(model, f).c_str(), f.output->names.c_str(), f.error,
                f.tolerance, f.isOut() ? "  out" : "");
  }
}

void printVerdict(const Model &model, const DiffResult &result,
                  const DiffTokens &tokens) {
  const Finding &first = result.first;
  if (first.output) {
    std::printf("first out of tolerance: %s (phase %s): error %.2e, tolerance "
                "%.2e of its row, at %s\n",
                describe(*first.output, first.layer).c_str(),
                phaseOf(model, first).c_str(), first.error, first.tolerance,
                placeOf(first, tokens).c_str());
    return;
  }
  const Finding &worst = *std::ranges::max_element(
      result.findings, {}, [](const Finding &f) { return f.ratio; });
  std::printf("all %zu ops within tolerance; nearest to it, at %.0f %%: %s\n",
              result.findings.size(), 100 * worst.ratio,
              describe(*worst.output, worst.layer).c_str());
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

/// Prints the names of the files that --against knows.
int printList(const Model &model) {
  const Manifest &manifest = model.manifest();
  auto print = [](const OpOutput &output, int64_t layer) {
    auto names = dumpNames(output, layer);
    std::printf("%-40s %s\n", (names.back() + ".npy").c_str(),
                describe(output, layer).c_str());
  };
  std::set<std::string> inLayers;
  for (const StackLayer &layer : manifest.stack)
    inLayers.insert(layer.function);
  for (size_t i = 0; i < manifest.stack.size(); ++i)
    for (const OpOutput &output : manifest.outputs)
      if (output.function == manifest.stack[i].function)
        print(output, i);
  for (const OpOutput &output : manifest.outputs)
    if (!inLayers.count(output.function))
      print(output, -1);
  return 0;
}

int fail(const Error &error) {
  report(error);
  return kFailed;
}

Status checkTokens(const DiffTokens &tokens, const Model &model) {
  for (int32_t id : tokens.ids)
    if (id < 0 || uint32_t(id) >= model.info().vocab)
      return Error{"tokens: id " + std::to_string(id) + ", expected 0 to " +
                   std::to_string(model.info().vocab - 1)};
  return {};
}

int run(Flags &flags) {
  const DiffOptions &options = flags.diff;
  Expected<DiffTokens> tokens = DiffTokens{};
  if (!flags.tokens.empty())
    tokens = readTokens(flags.tokens);
  if (!tokens)
    return fail(tokens.error());
  auto model =
      Model::load(options.model, {.threads = options.threads,
                                  .kvTokens = tokens->ids.size(),
                                  .sequences = uint32_t(tokens->sequences)});
  if (!model)
    return fail(model.error());
  if (model->manifest().outputs.empty())
    return fail(Error{options.model + ": manifest has no outputs, expected "
                                      "those of this version's compiler"});
  if (flags.list)
    return printList(*model);
  if (flags.tokens.empty())
    tokens = tokenize(flags, *model);
  if (!tokens)
    return fail(tokens.error());
  if (Status status = checkTokens(*tokens, *model); !status)
    return fail(status.error());
  auto result = flags.reference ? diffReference(*model, *tokens, options)
                                : diffDumps(*model, *tokens, options);
  if (!result)
    return fail(result.error());
  if (flags.json) {
    printJson(*model, *result, *tokens);
  } else {
    printTable(*model,
               flags.all ? result->findings : worstOfLayers(result->findings));
    printVerdict(*model, *result, *tokens);
  }
  return result->first.output ? kDifferent : 0;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Runs a compiled model layer by layer beside what it should be, "
               "and names the first op that leaves its tolerance. The exit "
               "status is 1 if there is one, 2 if nothing could be compared.",
               "mica diff");
  app.footer("Examples:\n"
             "  mica diff M.mica --reference -p \"The capital of France is\"\n"
             "  mica diff M.mica --reference --tokens T.npy --decode-from 7\n"
             "  mica diff M.mica --against dumps --tokens T.npy\n");
  Flags flags;
  addFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return run(flags);
}
