//===- DescribeModel.cpp - From a checkpoint to a checked description -----===//
//
// hyperparameters (by family) -> sanity of the switches -> a tensor for every
// role, its shape checked -> what is left over, as warnings
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <algorithm>
#include <set>

using namespace mica;

namespace {

std::string shapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.starts_with('*'))
    return name.ends_with(pattern.substr(1));
  if (pattern.ends_with('*'))
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

/// Finds the tensors of a description's roles.
class Binder {
public:
  Binder(const Checkpoint &checkpoint, const TensorNames &names,
         ModelDescription &model)
      : checkpoint(checkpoint), names(names), model(model) {
    for (std::string_view candidate : names.prefixes) {
      prefix = candidate;
      if (checkpoint.find(nameOf(*patternOf(Role::TokenEmbedding, 0), 0)))
        return;
    }
    prefix = names.prefixes.front();
  }

  Status bindAll();

private:
  /// The first pattern of a role whose tensor is there, else the first one;
  /// null if the family has none.
  const TensorPattern *patternOf(Role role, int64_t layer) const {
    const TensorPattern *first = nullptr;
    for (auto table : {names.patterns, names.common})
      for (const TensorPattern &pattern : table) {
        if (pattern.role != role)
          continue;
        if (checkpoint.find(partName(nameOf(pattern, layer), 0)))
          return &pattern;
        first = first ? first : &pattern;
      }
    return first;
  }

  std::string nameOf(const TensorPattern &pattern, int64_t layer) const {
    std::string_view before = pattern.role == Role::Output ? "" : prefix;
    return std::string(before) + partName(pattern.name, layer);
  }

  Status bind(Role role, int64_t layer, WeightMap &weights);
  Status checkShape(const TensorView &view, const TensorPattern &pattern,
                    int64_t totalRows, int64_t columns, int64_t parts) const;
  Status checkParts(const TensorView &first, const TensorPattern &pattern,
                    const std::string &name, int64_t rows, int64_t columns,
                    int64_t parts);
  void warnOfSurplus();

  const Checkpoint &checkpoint;
  const TensorNames &names;
  ModelDescription &model;
  std::string_view prefix;
  std::set<std::string> used;
};

/// Where the rows of a role lie in a tensor of `total` rows.
struct Place {
  int64_t first, total, run = 0, stride = 0;
  /// Of a tensor of `columnStep` times the role's columns; or, if `partStep` is
  /// not 0, of one whose rows are the columns of a part, for all parts.
  int64_t firstColumn = 0, columnStep = 0, partStep = 0;
  /// Of the tensor; 0: those of the role, `columnStep` times.
  int64_t totalColumns = 0;
};

/// That of a role of a scan: rows, or with `Fused::ScanTaps` columns.
Place placeInScan(const ScanSwitches &scan, Role role, Fused fused,
                  int64_t rows) {
  bool key = role == Role::ScanKey || role == Role::ScanKeyTaps ||
             role == Role::ScanKeyTapsBias;
  bool query = role == Role::ScanQuery || role == Role::ScanQueryTaps ||
               role == Role::ScanQueryTapsBias;
  int64_t convolved = scan.width() + 2 * scan.keys();
  int64_t first = query ? scan.width() + scan.keys() : key ? scan.width() : 0;
  if (fused == Fused::Scan) {
    int64_t gate = scan.width();
    first = role == Role::ScanGate   ? 0
            : role == Role::ScanTime ? gate + convolved
                                     : gate + first;
    return {first, gate + convolved + scan.heads};
  }
  if (role == Role::ScanInputTapsBias || role == Role::ScanKeyTapsBias ||
      role == Role::ScanQueryTapsBias)
    return {first, convolved};
  return {.first = 0,
          .total = rows,
          .firstColumn = first,
          .columnStep = 1,
          .totalColumns = convolved};
}

/// Whether a role is the second one of gate and up.
bool isUp(Role role) {
  return role == Role::Up || role == Role::UpBias || role == Role::ExpertUp ||
         role == Role::ExpertUpBias || role == Role::SharedUp;
}

/// The place of a role in a tensor that holds it and others.
Place placeOf(const ModelDescription &model, Role role, Fused fused,
              int64_t rows) {
  if (fused == Fused::None)
    return {0, rows};
  if (fused == Fused::GateUp)
    return {isUp(role) ? rows : 0, 2 * rows};
  if (fused == Fused::Alternating) {
    bool up = isUp(role);
    if (role == Role::ExpertGateBias || role == Role::ExpertUpBias)
      return {0, rows, 0, 0, up, 2};
    return {up, 2 * rows, 1, 2};
  }
  if (fused == Fused::ConvGates)
    return {role == Role::ConvGateIn    ? 0
            : role == Role::ConvGateOut ? rows
                                        : 2 * rows,
            3 * rows};
  if (fused == Fused::Scan || fused == Fused::ScanTaps)
    return placeInScan(model.scan, role, fused, rows);
  if (fused == Fused::LatentRope)
    return {role == Role::LatentRope ? model.latent.rank : 0,
            model.latent.rank + model.latent.rope};
  if (fused == Fused::LatentHeads) {
    int64_t keys = model.headSize - model.latent.rope;
    int64_t step = keys + model.latent.value, total = model.heads * step;
    if (role == Role::LatentKeys)
      return {.first = 0, .total = total, .columnStep = 1, .partStep = step};
    return {.first = keys, .total = total, .partStep = step};
  }
  int64_t part = 0;
  if (role == Role::Key || role == Role::KeyBias)
    part = 1;
  if (role == Role::Value || role == Role::ValueBias)
    part = 2;
  int64_t query = model.heads * model.headSize;
  int64_t key = model.kvHeads * model.headSize;
  if (fused == Fused::HeadsOfEach)
    return {part * model.headSize, query + 2 * key, model.headSize,
            3 * model.headSize};
  return {part ? query + (part - 1) * key : 0, query + 2 * key};
}

/// Whether the tensor holds a matrix by columns. Methods of quantization store
/// all matrices by rows.
bool isTransposed(const TensorView &view, const TensorPattern &pattern,
                  int64_t columns) {
  return pattern.transposed && columns != 1 && !view.matrix;
}

Status Binder::checkShape(const TensorView &view, const TensorPattern &pattern,
                          int64_t totalRows, int64_t columns,
                          int64_t parts) const {
  auto error = [&](const std::string &what) {
    return Error{view.file + ": tensor " + quote(view.name) + " " + what};
  };
  bool vector = columns == 1;
  std::vector<int64_t> wanted = {totalRows, columns};
  if (vector)
    wanted.pop_back();
  if (isTransposed(view, pattern, columns))
    std::swap(wanted[0], wanted[1]);
  bool matrixOfHeads =
      vector && model.qkNorms == QKNorms::PerHead &&
      (pattern.role == Role::QueryNorm || pattern.role == Role::KeyNorm);
  if (matrixOfHeads)
    wanted = {totalRows / model.headSize, model.headSize};
  // Of scans, too, rows that follow each other may be one vector.
  Role role = pattern.role;
  if (vector && view.shape.size() == 2 &&
      (role == Role::ScanDecay || role == Role::ScanSkip ||
       role == Role::ScanNorm) &&
      totalRows % view.shape[1] == 0)
    wanted = {totalRows / view.shape[1], view.shape[1]};
  if (parts)
    wanted.insert(wanted.begin(), parts);
  if (view.shape != wanted)
    return error("has shape " + shapeText(view.shape) + ", expected " +
                 shapeText(wanted) + " by the hyperparameters");
  if (!view.format)
    return error("is no weight, expected F32, F16 or BF16");
  return {};
}

/// Checks the tensors of all parts that have tensors of their own: they are
/// stored as the first one is.
Status Binder::checkParts(const TensorView &first, const TensorPattern &pattern,
                          const std::string &name, int64_t rows,
                          int64_t columns, int64_t parts) {
  for (int64_t part = 0; part < parts; ++part) {
    std::string own = partName(name, part);
    const TensorView *view = checkpoint.find(own);
    if (!view)
      return Error{checkpoint.path() + ": tensor " + quote(own) +
                   " missing, expected for the " +
                   std::string(roleName(pattern.role))};
    if (Status s = checkShape(*view, pattern, rows, columns, 0); !s)
      return s;
    if (view->format != first.format)
      return Error{view->file + ": tensor " + quote(own) + " is " +
                   std::string(view->format->name) + ", expected " +
                   std::string(first.format->name) + " as the first expert"};
    used.insert(std::move(own));
  }
  return {};
}

Status Binder::bind(Role role, int64_t layer, WeightMap &weights) {
  auto [rows, columns] = roleShape(model, role);
  int64_t parts = roleParts(model, role);
  const TensorPattern *pattern = patternOf(role, layer);
  if (!pattern)
    return Error{checkpoint.configPath() + ": " + std::string(roleName(role)) +
                 " asked for, expected none in " + model.family};
  std::string name = nameOf(*pattern, layer);
  const TensorView *view = checkpoint.find(partName(name, 0));
  if (!view)
    return Error{checkpoint.path() + ": tensor " + quote(partName(name, 0)) +
                 " missing, expected for the " + std::string(roleName(role))};
  Place place = placeOf(model, role, pattern->fused, rows);
  int64_t stored = columns * std::max<int64_t>(place.columnStep, 1);
  if (place.totalColumns)
    stored = place.totalColumns;
  bool apart = name != view->name; // A tensor for each part.
  // Parts in one matrix are rows of as many columns as the latent has.
  bool together = place.partStep;
  Status s = apart
                 ? checkParts(*view, *pattern, name, place.total, stored, parts)
                 : checkShape(*view, *pattern, place.total,
                              together ? model.latent.rank : stored,
                              together ? 0 : parts);
  if (!s)
    return s;
  if (parts && !view->columnOrder.empty())
    return Error{view->file + ": tensor " + quote(view->name) +
                 " has columns in an order of its own (desc_act), expected "
                 "none in experts"};
  bool transposed =
      together ? place.columnStep != 0 : isTransposed(*view, *pattern, stored);
  if (role == Role::TokenEmbedding && !view->columnOrder.empty())
    return Error{view->file + ": tensor " + quote(name) +
                 " has columns in an order of its own (desc_act), expected "
                 "none in the token embedding"};
  weights[role] = {
      name,          rows,           columns,           place.first,
      transposed,    pattern->order, view->columnOrder, place.run,
      place.stride,  parts,          place.firstColumn, place.columnStep,
      place.partStep};
  used.insert(std::move(name));
  return {};
}

/// Warns of tensors that no role uses. A file with very many is cut short.
void Binder::warnOfSurplus() {
  constexpr size_t most = 20;
  if (model.tied && patternOf(Role::Output, 0))
    used.insert(nameOf(*patternOf(Role::Output, 0), 0));
  size_t surplus = 0;
  for (const auto &[name, view] : checkpoint.tensors()) {
    auto ignores = [&name](auto pattern) { return matches(pattern, name); };
    if (view.isPart || used.count(name) ||
        std::ranges::any_of(names.ignored, ignores))
      continue;
    if (++surplus <= most)
      model.warnings.push_back(view.file + ": tensor " + quote(name) +
                               " found, expected none of that name");
  }
  if (surplus > most)
    model.warnings.push_back(checkpoint.path() + ": " +
                             std::to_string(surplus - most) +
                             " more tensors found, expected none");
}

Status Binder::bindAll() {
  for (Role role : modelRoles(model))
    if (Status s = bind(role, 0, model.weights); !s)
      return s;
  for (size_t i = 0; i < model.layers.size(); ++i)
    for (Role role : layerRoles(model, model.layers[i]))
      if (Status s = bind(role, i, model.layers[i].weights); !s)
        return s;
  warnOfSurplus();
  return {};
}

const Family *findFamily(const Hyperparameters &in) {
  for (const Family *family : families()) {
    auto known = in.isGGUF() ? family->ggufNames : family->configNames;
    if (std::ranges::find(known, in.architecture()) != known.end())
      return family;
  }
  return nullptr;
}

Error unknownFamily(const Hyperparameters &in) {
  std::string known;
  for (const Family *family : families())
    for (std::string_view name :
         in.isGGUF() ? family->ggufNames : family->configNames)
      known += (known.empty() ? "" : ", ") + std::string(name);
  return Error{in.checkpoint().configPath() + ": architecture " +
               quote(in.architecture()) + ", expected one of " + known};
}

/// What `mica.route` asks for; and no experts where the family has none.
void checkExperts(Hyperparameters &in, const ModelDescription &model) {
  const ExpertSwitches &experts = model.experts;
  int64_t named = in.isGGUF() ? in.count({"expert_count", ""}, 0) : 0;
  if (in.isGGUF() && named != experts.count)
    in.fail("metadata " + quote(in.ggufKey("expert_count")) + " is " +
            std::to_string(named) + ", expected " +
            std::to_string(experts.count));
  if (!experts.count)
    return;
  if (experts.choices < 1 || experts.choices > experts.count)
    in.fail(std::to_string(experts.choices) +
            " experts for a token, expected 1 to the " +
            std::to_string(experts.count) + " that there are");
  else if (experts.count % experts.groups ||
           experts.topGroups > experts.groups ||
           experts.topGroups * (experts.count / experts.groups) <
               experts.choices ||
           experts.groupSum > experts.count / experts.groups)
    in.fail(std::to_string(experts.groups) + " groups of " +
            std::to_string(experts.count) + " experts, " +
            std::to_string(experts.topGroups) +
            " at the top, expected groups of one size that hold " +
            std::to_string(experts.choices) + " or more");
}

/// What no family may set.
void checkSwitches(Hyperparameters &in, const ModelDescription &model) {
  if (model.kvHeads && model.heads % model.kvHeads)
    in.fail(std::to_string(model.heads) +
            " heads, expected a multiple of the " +
            std::to_string(model.kvHeads) + " kv-heads");
  checkExperts(in, model);
  if (!(model.normEps > 0))
    in.fail("norm epsilon is " + std::to_string(model.normEps) +
            ", expected a number above 0");
}

} // namespace

Expected<ModelDescription> mica::describeModel(const Checkpoint &checkpoint,
                                               int64_t context) {
  Hyperparameters in(checkpoint, context);
  if (in.failed())
    return in.status().takeError();
  const Family *family = findFamily(in);
  if (!family)
    return unknownFamily(in);
  ModelDescription model;
  model.family = family->name;
  family->read(in, model);
  readTokens(in, model);
  checkSwitches(in, model);
  if (in.failed())
    return in.status().takeError();
  const TensorNames &names = in.isGGUF() ? family->gguf : family->config;
  if (Status s = Binder(checkpoint, names, model).bindAll(); !s)
    return s.takeError();
  if (context > model.maxContext)
    return Error{checkpoint.path() + ": a context of " +
                 std::to_string(context) + " asked for, expected at most " +
                 std::to_string(model.maxContext)};
  if (context || model.usualContext)
    model.maxContext = context ? context : model.usualContext;
  return model;
}
