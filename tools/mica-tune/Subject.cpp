//===- Subject.cpp - What is tuned ----------------------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica-tune/Subject.h"

#include "runtime/Artifact.h"
#include "tools/mica-tune/Shape.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>

using namespace mica;

Expected<TemporaryFolder> TemporaryFolder::create() {
  std::error_code error;
  auto parent = std::filesystem::temp_directory_path(error);
  std::string path = (parent / "mica-tune.XXXXXX").string();
  if (error || !mkdtemp(path.data()))
    return Error{path + ": cannot create: " +
                 (error ? error.message() : std::strerror(errno))};
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path.empty())
    std::filesystem::remove_all(path, ignored);
}

/// The options with which the artifact at `path` was made.
static Expected<CompileOptions> optionsOf(const std::string &path) {
  auto artifact = Artifact::open(path);
  if (!artifact)
    return artifact.takeError();
  const Manifest &manifest = artifact->manifest();
  if (manifest.source.empty())
    return Error{path + ": source is not known, expected a model that was "
                        "compiled from a checkpoint"};
  CompileOptions options;
  options.input = manifest.source;
  options.dtype = manifest.dtype;
  options.quant = manifest.quant;
  options.activations = manifest.activations;
  options.maxContext = manifest.maxContext;
  options.maxRows = manifest.maxRows;
  auto group = std::find_if_not(manifest.cache.begin(), manifest.cache.end(),
                                std::mem_fn(&CacheGroup::isState));
  if (group != manifest.cache.end()) {
    options.kv = group->element.starts_with("i")
                     ? "int" + group->element.substr(1)
                     : group->element;
    options.page = group->pageTokens;
  }
  return options;
}

Expected<Subject> mica::openSubject(const CompileOptions &given,
                                    const TemporaryFolder &folder) {
  if (given.input.ends_with(".mica")) {
    auto options = optionsOf(given.input);
    if (!options)
      return options.takeError();
    return Subject{given.input, std::move(*options)};
  }
  CompileOptions options = given;
  std::optional<Shape> shape = parseShape(given.input);
  if (shape) {
    auto module = writeShapeModel(*shape, folder.file(""));
    if (!module)
      return Error{given.input + ": " + module.error().message};
    options.input = std::move(*module);
    options.dtype = dtypeOf(*shape);
  }
  options.output = folder.file("model.mica");
  auto report = compile(options);
  if (!report)
    return report.takeError();
  return Subject{options.output, std::move(options),
                 shape ? shape->columns : 0};
}
