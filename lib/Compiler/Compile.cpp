//===- Compile.cpp - From a checkpoint to a .mica file --------------------===//
//
// Reads a model, runs the stages, and writes what was asked for.
//
//===----------------------------------------------------------------------===//

#include "mica/Compile.h"
#include "lib/Compiler/ChatTemplates.h"
#include "lib/Compiler/Diagnostics.h"
#include "lib/Compiler/ManifestWriter.h"
#include "lib/Compiler/Options.h"
#include "lib/Compiler/Packing.h"
#include "lib/Compiler/Register.h"
#include "lib/Compiler/Source.h"
#include "lib/Compiler/Stages.h"
#include "lib/Compiler/Tokenizers.h"
#include "lib/Target/CPU/Emit.h"
#include <chrono>

using namespace mlir;
using namespace mica;

namespace {

class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options),
        context(registerCompiler(), MLIRContext::Threading::DISABLED),
        keeper(&context) {}

  Expected<CompileReport> run();

private:
  Status load();
  Status runStages();
  Status runStage(const Stage &stage);

  Status write();
  Status writeText(const std::string &text);
  std::string printed();
  Status writeArtifact();
  Expected<std::vector<PackJob>> makeJobs(const PackCode &code);
  Status writeSections(llvm::ArrayRef<PackJob> jobs, const CodeImage &image);

  /// Notes what has passed since the last call as the part `name`.
  void finishPart(const std::string &name, uint64_t bytes = 0);

  const CompileOptions &options;
  MLIRContext context;
  DiagnosticKeeper keeper;
  CompileReport report;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();

  Source source;
  OwningOpRef<ModuleOp> packing; ///< from stage 3 on
  std::optional<CPUTarget> target;
  llvm::StringMap<uint64_t> offsets; ///< of packed weights
};

} // namespace

void Compilation::finishPart(const std::string &name, uint64_t bytes) {
  auto now = std::chrono::steady_clock::now();
  std::chrono::duration<double> passed = now - start;
  report.parts.push_back({name, passed.count(), bytes});
  start = now;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Status Compilation::load() {
  auto read = readSource(context, options, keeper,
                         [&](const char *part) { finishPart(part); });
  if (!read)
    return read.takeError();
  source = std::move(*read);
  report.warnings = source.warnings;
  auto found = getTarget(*source.module);
  if (!found)
    return found.takeError();
  target = std::move(*found);
  return {};
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

Status Compilation::runStage(const Stage &stage) {
  // Weights and what packs them are no code of the model.
  if (stage.name == "cpu")
    packing = takePacking(*source.module);
  PassManager pm(&context);
  stage.build(pm);
  if (failed(pm.run(*source.module)))
    return keeper.failure(options.input + ": stage " + stage.name.str() +
                          " failed");
  finishPart(stage.name.str());
  return {};
}

Status Compilation::runStages() {
  int first = options.startFrom.empty() ? 0 : findStage(options.startFrom);
  int last = options.stopAfter.empty() ? int(allStages().size()) - 1
                                       : findStage(options.stopAfter);
  for (int i = first + 1; i <= last; ++i)
    if (Status status = runStage(allStages()[i]); !status)
      return status;
  return {};
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string Compilation::printed() {
  if (packing)
    returnPacking(*packing, *source.module);
  std::string text;
  llvm::raw_string_ostream os(text);
  source.module->print(os);
  os << '\n';
  return text;
}

Status Compilation::writeText(const std::string &text) {
  if (options.output == "-") {
    llvm::outs() << text;
    return {};
  }
  return writeFile(options.output, text.data(), text.size());
}

Status Compilation::write() {
  if (!options.stopAfter.empty() || options.emit == Emit::MLIR)
    return writeText(printed());
  if (!packing)
    packing = takePacking(*source.module);
  if (options.emit >= Emit::Mica)
    return writeArtifact();
  auto code = emitCode(*source.module, *target,
                       options.emit == Emit::LLVM  ? EmitKind::LLVM
                       : options.emit == Emit::Asm ? EmitKind::Asm
                                                   : EmitKind::Object);
  if (!code)
    return code.takeError();
  finishPart("code", code->size());
  return writeText(*code);
}

/// The jobs of the weights that kernels read, in the order of their table.
Expected<std::vector<PackJob>> Compilation::makeJobs(const PackCode &code) {
  SymbolTable symbols(*packing);
  Conversions conversions;
  std::vector<PackJob> jobs;
  std::vector<std::string> names;
  auto table = (*source.module)->getAttrOfType<ArrayAttr>("tile.weights");
  if (!table)
    return Error{options.input + ": module without 'tile.weights', expected "
                                 "the attribute"};
  for (Attribute entry : table) {
    auto name = dyn_cast<FlatSymbolRefAttr>(entry);
    if (!name || !offsets.insert({name.getValue(), 0}).second)
      continue;
    auto weight = symbols.lookup<WeightOp>(name.getValue());
    if (!weight)
      return Error{options.input + ": no weight " + name.getValue().str()};
    auto job =
        makePackJob(weight, symbols, code, *source.checkpoint, conversions);
    if (!job)
      return job.takeError();
    jobs.push_back(std::move(*job));
    names.push_back(name.getValue().str());
  }
  std::vector<uint64_t> places = placeWeights(jobs);
  for (size_t i = 0; i < jobs.size(); ++i)
    offsets[names[i]] = places[i];
  for (auto &[what, count] : conversions)
    keeper.add({StringRef(what).contains("unpacked"),
                std::to_string(count) + " " + what});
  return jobs;
}

Status Compilation::writeArtifact() {
  if (Status status = openCheckpoint(source, options.input); !status)
    return status;
  auto image = emitImage(*source.module, *target);
  if (!image)
    return image.takeError();
  finishPart("code", image->bytes.size());
  auto code = PackCode::compile(*packing);
  if (!code)
    return code.takeError();
  auto jobs = makeJobs(*code);
  if (!jobs)
    return jobs.takeError();
  finishPart("packing code");
  if (options.noFallback)
    for (const Remark &remark : keeper.remarks())
      if (remark.missed)
        return Error{options.input + ": " + remark.message +
                     ", expected no fallback"};
  return writeSections(*jobs, *image);
}

Status Compilation::writeSections(llvm::ArrayRef<PackJob> jobs,
                                  const CodeImage &image) {
  auto entry = image.find("mica_entry");
  if (!entry)
    return Error{options.input + ": module without 'mica_entry', expected the "
                                 "function"};
  uint64_t weightBytes = placeWeights(jobs).back();
  auto chat = chatSource(*source.checkpoint);
  if (!chat)
    return chat.takeError();
  auto manifest = writeManifest(
      *source.module, {*target, *entry, offsets, weightBytes, options.maxRows,
                       keeper.remarks(), std::move(*chat)});
  if (!manifest)
    return manifest.takeError();
  auto tokenizer = tokenizerTables(*source.checkpoint);
  if (!tokenizer)
    return tokenizer.takeError();
  finishPart("tokenizer", tokenizer->size());
  auto carrier = options.carrier.empty() ? MappedFile()
                                         : MappedFile::open(options.carrier);
  if (!carrier)
    return carrier.takeError();
  auto writer = ArtifactWriter::create(
      options.output, {reinterpret_cast<const char *>(carrier->bytes().data()),
                       carrier->bytes().size()});
  if (!writer)
    return writer.takeError();
  auto add = [&](mica_section_kind kind, std::string_view bytes) {
    return bytes.empty() ? Status() : writer->add(kind, 0, bytes);
  };
  std::string_view code(reinterpret_cast<const char *>(image.bytes.data()),
                        image.bytes.size());
  if (Status s = add(MICA_SECTION_MANIFEST, *manifest); !s)
    return s;
  if (Status s = add(MICA_SECTION_CODE, code); !s)
    return s;
  if (Status s = add(MICA_SECTION_TOKENIZER, *tokenizer); !s)
    return s;
  if (Status s = writer->begin(MICA_SECTION_WEIGHTS); !s)
    return s;
  if (Status s = packWeights(jobs, *writer, options.threads, options.progress);
      !s)
    return s;
  writer->end();
  finishPart("pack", weightBytes);
  Status finished = writer->finish();
  finishPart("write");
  return finished;
}

//===----------------------------------------------------------------------===//

Expected<CompileReport> Compilation::run() {
  if (Status status = load(); !status)
    return status.takeError();
  if (Status status = runStages(); !status)
    return status.takeError();
  if (Status status = write(); !status)
    return status.takeError();
  for (const Remark &remark : keeper.remarks())
    report.remarks.push_back(remark.message);
  return std::move(report);
}

Expected<CompileReport> mica::compile(const CompileOptions &options) {
  if (Status status = checkOptions(options); !status)
    return status.takeError();
  return Compilation(options).run();
}
