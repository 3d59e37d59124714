//===- TunedRows.cpp - The cache file of `mica tune` ----------------------===//

#include "lib/Compiler/TunedRows.h"
#include "lib/Artifact/OutputFile.h"
#include "lib/Compiler/Diagnostics.h"
#include "lib/Compiler/Nesting.h"
#include "mica/Compile.h"
#include "mica/CompilerVersion.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "runtime/CPUFeatures.h"
#include "llvm/TargetParser/Host.h"
#include <cstdlib>
#include <filesystem>

using namespace mlir;
using namespace mica;

static constexpr llvm::StringLiteral rowsAttribute = "tile.schedules";

std::string mica::defaultTunedFile() {
  auto folder = [](const char *variable) -> std::filesystem::path {
    const char *value = std::getenv(variable);
    return value ? value : "";
  };
  std::filesystem::path cache = folder("XDG_CACHE_HOME");
  if (cache.empty() && !folder("HOME").empty())
    cache = folder("HOME") / ".cache";
  return cache.empty() ? "" : (cache / "mica" / "schedules.mlir").string();
}

TuningKey mica::thisMachine(const CPUTarget &target) {
  return {cpuName() + ", " + llvm::sys::getHostCPUName().str(),
          target.cpu + (target.features.empty() ? "" : ",") + target.features,
          MICA_COMPILER_VERSION};
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// The fields that are no part of the kernel.
static constexpr llvm::StringLiteral ownFields[] = {"machine", "features",
                                                    "compiler", "schedule"};

Expected<TunedRows::Row> TunedRows::parse(Attribute attr,
                                          const std::string &where) {
  auto dictionary = dyn_cast<DictionaryAttr>(attr);
  if (!dictionary)
    return Error{where + " is no dictionary, expected one"};
  Row row;
  for (auto [name, to] : {std::pair("machine", &row.key.machine),
                          {"features", &row.key.features},
                          {"compiler", &row.key.compiler}}) {
    auto text = dictionary.getAs<StringAttr>(name);
    if (!text)
      return Error{where + " has no " + name + ", expected a string"};
    *to = text.str();
  }
  row.schedule = dictionary.getAs<tile::ScheduleAttr>("schedule");
  if (!row.schedule)
    return Error{where + " has no schedule, expected #tile.schedule"};
  if (!dictionary.getAs<StringAttr>("op"))
    return Error{where + " has no op, expected a string"};
  NamedAttrList kernel(dictionary);
  for (StringRef field : ownFields)
    kernel.erase(field);
  row.kernel = kernel.getDictionary(attr.getContext());
  return row;
}

Expected<TunedRows> TunedRows::read(MLIRContext &context,
                                    const std::string &path) {
  TunedRows tuned;
  tuned.path = path;
  std::error_code none;
  if (!std::filesystem::exists(path, none))
    return tuned;
  std::string error;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (error.empty())
      error = ": " + oneLine(diagnostic);
    return success();
  });
  if (Status status = checkNesting(path); !status)
    return status.takeError();
  auto module = parseSourceFile<ModuleOp>(path, ParserConfig(&context));
  if (!module)
    return Error{path + error};
  auto rows = (*module)->getAttrOfType<ArrayAttr>(rowsAttribute);
  if (!rows)
    return Error{path + ": module without '" + rowsAttribute.str() +
                 "', expected what mica tune writes"};
  for (auto [index, attr] : llvm::enumerate(rows)) {
    auto row = parse(attr, path + ": row " + std::to_string(index));
    if (!row)
      return row.takeError();
    tuned.rows.push_back(std::move(*row));
  }
  return tuned;
}

SmallVector<Attribute> TunedRows::rowsFor(const TuningKey &key) const {
  SmallVector<Attribute> found;
  for (const Row &row : rows) {
    if (row.key != key)
      continue;
    MLIRContext *context = row.kernel.getContext();
    NamedAttrList fields(row.kernel);
    fields.set("schedule", row.schedule);
    fields.set("from", StringAttr::get(context, path));
    found.push_back(fields.getDictionary(context));
  }
  return found;
}

tile::ScheduleAttr TunedRows::find(const TuningKey &key,
                                   DictionaryAttr kernel) const {
  for (const Row &row : rows)
    if (row.key == key && row.kernel == kernel)
      return row.schedule;
  return {};
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void TunedRows::set(const TuningKey &key, DictionaryAttr kernel,
                    tile::ScheduleAttr schedule) {
  llvm::erase_if(rows, [&](const Row &row) {
    return row.key == key && row.kernel == kernel;
  });
  if (schedule)
    rows.push_back({key, kernel, schedule});
}

Status TunedRows::write() const {
  std::string text =
      "// Rows that `mica tune` measured to be faster than those "
      "of schedules/.\nmodule attributes {tile.schedules = [";
  llvm::raw_string_ostream os(text);
  for (auto [index, row] : llvm::enumerate(rows)) {
    Builder b(row.kernel.getContext());
    NamedAttrList fields(row.kernel);
    fields.set("machine", b.getStringAttr(row.key.machine));
    fields.set("features", b.getStringAttr(row.key.features));
    fields.set("compiler", b.getStringAttr(row.key.compiler));
    fields.set("schedule", row.schedule);
    os << (index ? ",\n  " : "\n  ") << fields.getDictionary(b.getContext());
  }
  os << "\n]} {\n}\n";
  std::error_code error;
  auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty())
    std::filesystem::create_directories(folder, error);
  if (error)
    return Error{folder.string() + ": cannot create: " + error.message()};
  return writeFile(path, text.data(), text.size());
}
