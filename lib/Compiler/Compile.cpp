//===- Compile.cpp - From a checkpoint to a .mica file --------------------===//
//
// Reads a model, runs the stages, and writes what was asked for.
//
//===----------------------------------------------------------------------===//

#include "mica/Compile.h"
#include "lib/Compiler/Diagnostics.h"
#include "lib/Compiler/ManifestWriter.h"
#include "lib/Compiler/Options.h"
#include "lib/Compiler/Packing.h"
#include "lib/Compiler/Register.h"
#include "lib/Compiler/Source.h"
#include "lib/Compiler/Stages.h"
#include "lib/Compiler/Tokenizers.h"
#include "lib/Import/ChatTemplates.h"
#include "lib/Target/CPU/Emit.h"
#include <chrono>

using namespace mlir;
using namespace mica;

namespace {

/// The model on its way to code for one CPU.
struct Build {
  Source source;
  CPUTarget target;
  OwningOpRef<ModuleOp> packing; ///< from stage 3 on
  std::vector<Remark> remarks;

  ModuleOp module() { return *source.module; }
};

class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options),
        context(registerCompiler(), MLIRContext::Threading::DISABLED),
        keeper(&context) {}

  Expected<CompileReport> run();

private:
  Status load(const NamedCPU &cpu);
  Status runStages(Build &build);
  Status runStage(Build &build, const Stage &stage);
  Status make();
  Status openCarrier();

  Status write();
  Status writeText(const std::string &text);
  std::string printed();
  Status writeArtifact();
  Expected<std::vector<PackJob>> makeJobs(const PackCode &code);
  Status packOnce();
  Expected<std::vector<FlatImage>> emitImages();
  Status checkFallbacks() const;
  Expected<std::string> describe(llvm::ArrayRef<FlatImage> images,
                                 uint64_t weightBytes, const ChatSource &chat);
  Status writeSections(llvm::ArrayRef<PackJob> jobs,
                       llvm::ArrayRef<FlatImage> images);
  Build &first() { return builds.front(); }

  /// Notes what has passed since the last call as the part `name`.
  void finishPart(const std::string &name, uint64_t bytes = 0);

  const CompileOptions &options;
  MLIRContext context;
  DiagnosticKeeper keeper;
  CompileReport report;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();

  std::vector<Build> builds; ///< for each CPU, the best one first
  MappedFile carrier; ///< what the artifact is written behind, if anything
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

Status Compilation::load(const NamedCPU &cpu) {
  CompileOptions one = options;
  one.cpu = cpu.spec;
  auto read = readSource(context, one, keeper,
                         [&](const char *part) { finishPart(part); });
  if (!read)
    return read.takeError();
  report.warnings = read->warnings;
  auto target = getTarget(*read->module);
  if (!target)
    return target.takeError();
  builds.push_back({std::move(*read), std::move(*target), {}, {}});
  return {};
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

Status Compilation::runStage(Build &build, const Stage &stage) {
  // Weights and what packs them are no code of the model.
  if (stage.name == "cpu")
    build.packing = takePacking(build.module());
  PassManager pm(&context);
  stage.build(pm);
  if (failed(pm.run(build.module())))
    return keeper.failure(options.input + ": stage " + stage.name.str() +
                          " failed");
  finishPart(stage.name.str());
  return {};
}

Status Compilation::runStages(Build &build) {
  int first = options.startFrom.empty() ? 0 : findStage(options.startFrom);
  int last = options.stopAfter.empty() ? int(allStages().size()) - 1
                                       : findStage(options.stopAfter);
  for (int i = first + 1; i <= last; ++i)
    if (Status status = runStage(build, allStages()[i]); !status)
      return status;
  build.remarks = keeper.takeRemarks();
  return {};
}

/// Opens what the artifact is to be written behind, before there is work that
/// would be lost without it.
Status Compilation::openCarrier() {
  if (options.emit <= Emit::Mica || !options.stopAfter.empty())
    return {};
  std::string path = options.carriers, arch = first().target.architecture();
  bool foreign = arch != hostArchitecture();
  if (foreign)
    path += "../" + arch + "/bin/";
  path += options.emit == Emit::Executable ? "mica-runner" : "mica-carrier.so";
  auto file = MappedFile::open(path);
  if (!file && foreign)
    return Error{path + ": cannot be read, expected the runtime for " + arch +
                 ", which scripts/build-aarch64 builds"};
  if (!file)
    return file.takeError();
  carrier = std::move(*file);
  return {};
}

/// Reads the model and runs the stages, once for each CPU.
Status Compilation::make() {
  auto cpus = resolveCPUs(options.cpu);
  if (!cpus)
    return cpus.takeError();
  for (const NamedCPU &cpu : *cpus) {
    if (Status status = load(cpu); !status)
      return status;
    if (builds.size() == 1) // all CPUs are of one architecture
      if (Status status = openCarrier(); !status)
        return status;
    if (Status status = runStages(builds.back()); !status)
      return status;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string Compilation::printed() {
  if (first().packing)
    returnPacking(*first().packing, first().module());
  std::string text;
  llvm::raw_string_ostream os(text);
  first().module()->print(os);
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
  for (Build &build : builds)
    if (!build.packing)
      build.packing = takePacking(build.module());
  if (options.emit >= Emit::Mica)
    return writeArtifact();
  auto code = emitCode(first().module(), first().target,
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
  SymbolTable symbols(*first().packing);
  Conversions conversions;
  std::vector<PackJob> jobs;
  std::vector<std::string> names;
  auto table = first().module()->getAttrOfType<ArrayAttr>("tile.weights");
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
    auto job = makePackJob(weight, symbols, code, *first().source.checkpoint,
                           conversions);
    if (!job)
      return job.takeError();
    jobs.push_back(std::move(*job));
    names.push_back(name.getValue().str());
  }
  std::vector<uint64_t> places = placeWeights(jobs);
  for (size_t i = 0; i < jobs.size(); ++i)
    offsets[names[i]] = places[i];
  for (auto &[what, count] : conversions)
    for (Build &build : builds)
      build.remarks.push_back({StringRef(what).contains("unpacked"),
                               std::to_string(count) + " " + what});
  return jobs;
}

/// All code runs on the weights that the first build packs.
Status Compilation::packOnce() {
  for (Build &build : llvm::drop_begin(builds))
    if (Status status =
            checkSamePacking(build.module(), *build.packing, *first().packing);
        !status)
      return Error{options.input + ": " + status.error().message};
  return openCheckpoint(first().source, options.input);
}

Expected<std::vector<FlatImage>> Compilation::emitImages() {
  std::vector<FlatImage> images;
  for (Build &build : builds) {
    auto image = emitImage(build.module(), build.target);
    if (!image)
      return image.takeError();
    finishPart("code", image->bytes.size());
    images.push_back(std::move(*image));
  }
  return images;
}

Status Compilation::checkFallbacks() const {
  if (options.noFallback)
    for (const Build &build : builds)
      for (const Remark &remark : build.remarks)
        if (remark.missed)
          return Error{options.input + ": " + remark.message +
                       ", expected no fallback"};
  return {};
}

Status Compilation::writeArtifact() {
  if (Status status = packOnce(); !status)
    return status;
  auto images = emitImages();
  if (!images)
    return images.takeError();
  auto code = PackCode::compile(*first().packing);
  if (!code)
    return code.takeError();
  auto jobs = makeJobs(*code);
  if (!jobs)
    return jobs.takeError();
  finishPart("packing code");
  if (Status status = checkFallbacks(); !status)
    return status;
  return writeSections(*jobs, *images);
}

/// The manifest of `images`.
Expected<std::string> Compilation::describe(llvm::ArrayRef<FlatImage> images,
                                            uint64_t weightBytes,
                                            const ChatSource &chat) {
  std::vector<ManifestParts> parts;
  for (auto [build, image] : llvm::zip_equal(builds, images)) {
    auto entry = image.find("mica_entry");
    if (!entry)
      return Error{options.input + ": module without 'mica_entry', expected "
                                   "the function"};
    parts.push_back({build.module(), build.target, *entry, offsets, weightBytes,
                     options.maxRows, build.remarks, chat});
  }
  return writeManifest(parts);
}

Status Compilation::writeSections(llvm::ArrayRef<PackJob> jobs,
                                  llvm::ArrayRef<FlatImage> images) {
  uint64_t weightBytes = placeWeights(jobs).back();
  auto chat = chatSource(*first().source.checkpoint);
  if (!chat)
    return chat.takeError();
  auto manifest = describe(images, weightBytes, *chat);
  if (!manifest)
    return manifest.takeError();
  auto tokenizer = tokenizerTables(*first().source.checkpoint);
  if (!tokenizer)
    return tokenizer.takeError();
  finishPart("tokenizer", tokenizer->size());
  auto writer = ArtifactWriter::create(
      options.output, {reinterpret_cast<const char *>(carrier.bytes().data()),
                       carrier.bytes().size()});
  if (!writer)
    return writer.takeError();
  auto add = [&](mica_section_kind kind, std::string_view bytes,
                 uint32_t index = 0) {
    return bytes.empty() ? Status() : writer->add(kind, index, bytes);
  };
  if (Status s = add(MICA_SECTION_MANIFEST, *manifest); !s)
    return s;
  for (auto [index, image] : llvm::enumerate(images)) {
    std::string_view code(reinterpret_cast<const char *>(image.bytes.data()),
                          image.bytes.size());
    if (Status s = add(MICA_SECTION_CODE, code, index); !s)
      return s;
  }
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
  if (Status status = make(); !status)
    return status.takeError();
  if (Status status = write(); !status)
    return status.takeError();
  for (const Build &build : builds)
    for (const Remark &remark : build.remarks)
      if (!llvm::is_contained(report.remarks, remark.message))
        report.remarks.push_back(remark.message);
  return std::move(report);
}

Expected<CompileReport> mica::compile(const CompileOptions &options) {
  if (Status status = checkOptions(options); !status)
    return status.takeError();
  return Compilation(options).run();
}
