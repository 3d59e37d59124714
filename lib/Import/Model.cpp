//===- Model.cpp - Roles, their shapes and the printed description --------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Model.h"

#include <nlohmann/json.hpp>

using namespace mica;
using Json = nlohmann::ordered_json;

std::string_view mica::roleName(Role role) {
  static constexpr std::string_view names[roleCount] = {
      "token embedding",
      "position embedding",
      "token type",
      "embedding norm",
      "embedding norm bias",
      "attention norm",
      "attention norm bias",
      "query",
      "key",
      "value",
      "query bias",
      "key bias",
      "value bias",
      "query norm",
      "key norm",
      "query down",
      "query down norm",
      "latent down",
      "latent norm",
      "latent rope",
      "latent keys",
      "latent values",
      "conv gate in",
      "conv gate out",
      "conv input",
      "conv taps",
      "conv output",
      "scan gate",
      "scan input",
      "scan key",
      "scan query",
      "scan time",
      "scan input taps",
      "scan key taps",
      "scan query taps",
      "scan input taps bias",
      "scan key taps bias",
      "scan query taps bias",
      "scan time bias",
      "scan decay",
      "scan skip",
      "scan norm",
      "scan output",
      "attention sinks",
      "attention output",
      "attention output bias",
      "post attention norm",
      "post attention norm bias",
      "ffn norm",
      "ffn norm bias",
      "gate",
      "up",
      "gate bias",
      "up bias",
      "down",
      "down bias",
      "router",
      "router bias",
      "router logit bias",
      "expert gate",
      "expert up",
      "expert down",
      "expert gate bias",
      "expert up bias",
      "expert down bias",
      "shared gate",
      "shared up",
      "shared down",
      "post ffn norm",
      "post ffn norm bias",
      "final norm",
      "final norm bias",
      "output",
  };
  return names[int(role)];
}

static bool hasNormBias(const ModelDescription &model) {
  return model.norm == NormKind::Layer && model.normBias;
}

std::vector<Role> mica::modelRoles(const ModelDescription &model) {
  std::vector<Role> roles = {Role::TokenEmbedding};
  auto add = [&roles](bool wanted, Role role) {
    if (wanted)
      roles.push_back(role);
  };
  add(model.learnedPositions, Role::PositionEmbedding);
  add(model.tokenTypes, Role::TokenType);
  add(model.embeddingNorm, Role::EmbeddingNorm);
  add(model.embeddingNorm && hasNormBias(model), Role::EmbeddingNormBias);
  add(model.finalNorm, Role::FinalNorm);
  add(model.finalNorm && hasNormBias(model), Role::FinalNormBias);
  add(!model.tied && model.pooling == PoolingKind::None, Role::Output);
  return roles;
}

static std::vector<Role> scanRoles(const ModelDescription &model) {
  std::vector<Role> roles = {
      Role::ScanGate,    Role::ScanInput,     Role::ScanKey,
      Role::ScanQuery,   Role::ScanTime,      Role::ScanInputTaps,
      Role::ScanKeyTaps, Role::ScanQueryTaps, Role::ScanTimeBias,
      Role::ScanDecay,   Role::ScanSkip,      Role::ScanNorm,
      Role::ScanOutput};
  if (model.scan.convBias)
    roles.insert(roles.end(), {Role::ScanInputTapsBias, Role::ScanKeyTapsBias,
                               Role::ScanQueryTapsBias});
  return roles;
}

/// What mixes the rows of `layer`.
static std::vector<Role> mixerRoles(const ModelDescription &model,
                                    const LayerDescription &layer) {
  if (layer.mixer == Mixer::ShortConv)
    return {Role::ConvGateIn, Role::ConvGateOut, Role::ConvInput,
            Role::ConvTaps, Role::ConvOutput};
  if (layer.mixer == Mixer::Scan)
    return scanRoles(model);
  std::vector<Role> roles = {Role::Query, Role::AttentionOutput};
  auto add = [&roles](bool wanted, std::initializer_list<Role> more) {
    if (wanted)
      roles.insert(roles.end(), more);
  };
  bool latent = model.latent.rank;
  add(!latent, {Role::Key, Role::Value});
  add(latent, {Role::LatentDown, Role::LatentNorm, Role::LatentRope,
               Role::LatentKeys, Role::LatentValues});
  add(model.latent.queryRank, {Role::QueryDown, Role::QueryDownNorm});
  add(model.qkvBias, {Role::QueryBias, Role::KeyBias, Role::ValueBias});
  add(model.qkNorms != QKNorms::None, {Role::QueryNorm, Role::KeyNorm});
  add(model.attentionOutputBias, {Role::AttentionOutputBias});
  add(model.attentionSinks, {Role::AttentionSinks});
  return roles;
}

std::vector<Role> mica::layerRoles(const ModelDescription &model,
                                   const LayerDescription &layer) {
  std::vector<Role> roles = mixerRoles(model, layer);
  auto add = [&roles](bool wanted, std::initializer_list<Role> more) {
    if (wanted)
      roles.insert(roles.end(), more);
  };
  bool ffnNorm = layer.feedForward && model.preNorms &&
                 model.residual != Residual::ParallelShared;
  add(model.preNorms, {Role::AttentionNorm});
  add(ffnNorm, {Role::FfnNorm});
  add(hasNormBias(model) && model.preNorms, {Role::AttentionNormBias});
  add(hasNormBias(model) && ffnNorm, {Role::FfnNormBias});
  bool postNorms = model.postNorms || model.sumNorms;
  bool postBiases = model.sumNorms && hasNormBias(model);
  add(postNorms, {Role::PostAttentionNorm});
  add(postBiases, {Role::PostAttentionNormBias});
  if (!layer.feedForward)
    return roles;
  add(postNorms, {Role::PostFfnNorm});
  add(postBiases, {Role::PostFfnNormBias});
  if (layer.experts) {
    bool shared = model.experts.sharedWidth;
    add(true, {Role::Router, Role::ExpertUp, Role::ExpertDown});
    add(model.gated, {Role::ExpertGate});
    add(model.experts.choiceBias, {Role::RouterBias});
    add(model.experts.biases, {Role::RouterLogitBias, Role::ExpertGateBias,
                               Role::ExpertUpBias, Role::ExpertDownBias});
    add(shared, {Role::SharedUp, Role::SharedDown});
    add(shared && model.gated, {Role::SharedGate});
    return roles;
  }
  add(true, {Role::Up, Role::Down});
  add(model.gated, {Role::Gate});
  add(model.ffnBias, {Role::UpBias, Role::DownBias});
  add(model.ffnBias && model.gated, {Role::GateBias});
  return roles;
}

int64_t mica::roleParts(const ModelDescription &model, Role role) {
  bool expert = role == Role::ExpertGate || role == Role::ExpertUp ||
                role == Role::ExpertDown;
  bool head = role == Role::LatentKeys || role == Role::LatentValues;
  return expert ? model.experts.count : head ? model.heads : 0;
}

std::pair<int64_t, int64_t> mica::roleShape(const ModelDescription &model,
                                            Role role) {
  int64_t query = model.heads * model.headSize;
  int64_t key = model.kvHeads * model.headSize;
  const LatentSwitches &latent = model.latent;
  const ScanSwitches &scan = model.scan;
  switch (role) {
  case Role::TokenEmbedding:
  case Role::Output:
    return {model.vocabulary, model.width};
  case Role::PositionEmbedding:
    return {model.maxContext, model.width};
  case Role::TokenType:
    return {model.tokenTypes, model.width};
  case Role::Query:
    return {query, latent.queryRank ? latent.queryRank : model.width};
  case Role::QueryDown:
    return {latent.queryRank, model.width};
  case Role::QueryDownNorm:
    return {latent.queryRank, 1};
  case Role::LatentDown:
    return {latent.rank, model.width};
  case Role::LatentNorm:
    return {latent.rank, 1};
  case Role::LatentRope:
    return {latent.rope, model.width};
  case Role::LatentKeys:
    return {latent.rank, model.headSize - latent.rope};
  case Role::LatentValues:
    return {latent.value, latent.rank};
  case Role::Key:
  case Role::Value:
    return {key, model.width};
  case Role::QueryBias:
    return {query, 1};
  case Role::KeyBias:
  case Role::ValueBias:
    return {key, 1};
  case Role::QueryNorm:
    return {model.qkNorms == QKNorms::Head ? model.headSize : query, 1};
  case Role::KeyNorm:
    return {model.qkNorms == QKNorms::Head ? model.headSize : key, 1};
  case Role::AttentionOutput:
    return {model.width, latent.rank ? model.heads * latent.value : query};
  case Role::Gate:
  case Role::Up:
    return {model.ffnWidth, model.width};
  case Role::GateBias:
  case Role::UpBias:
    return {model.ffnWidth, 1};
  case Role::Down:
    return {model.width, model.ffnWidth};
  case Role::Router:
    return {model.experts.count, model.width};
  case Role::RouterBias:
  case Role::RouterLogitBias:
    return {model.experts.count, 1};
  case Role::ExpertGateBias:
  case Role::ExpertUpBias:
    return {model.experts.count, model.experts.width};
  case Role::ExpertDownBias:
    return {model.experts.count, model.width};
  case Role::AttentionSinks:
    return {model.heads, 1};
  case Role::ConvTaps:
    return {model.convTaps, model.width};
  case Role::ScanGate:
  case Role::ScanInput:
    return {scan.width(), model.width};
  case Role::ScanKey:
  case Role::ScanQuery:
    return {scan.keys(), model.width};
  case Role::ScanTime:
    return {scan.heads, model.width};
  case Role::ScanInputTaps:
    return {model.convTaps, scan.width()};
  case Role::ScanKeyTaps:
  case Role::ScanQueryTaps:
    return {model.convTaps, scan.keys()};
  case Role::ScanInputTapsBias:
  case Role::ScanNorm:
    return {scan.width(), 1};
  case Role::ScanKeyTapsBias:
  case Role::ScanQueryTapsBias:
    return {scan.keys(), 1};
  case Role::ScanTimeBias:
  case Role::ScanDecay:
  case Role::ScanSkip:
    return {scan.heads, 1};
  case Role::ScanOutput:
    return {model.width, scan.width()};
  case Role::ConvGateIn:
  case Role::ConvGateOut:
  case Role::ConvInput:
  case Role::ConvOutput:
    return {model.width, model.width};
  case Role::ExpertGate:
  case Role::ExpertUp:
    return {model.experts.width, model.width};
  case Role::ExpertDown:
    return {model.width, model.experts.width};
  case Role::SharedGate:
  case Role::SharedUp:
    return {model.experts.sharedWidth, model.width};
  case Role::SharedDown:
    return {model.width, model.experts.sharedWidth};
  default:
    return {model.width, 1};
  }
}

static Json toJson(const WeightMap &weights) {
  Json object = Json::object();
  for (const auto &[role, source] : weights) {
    Json entry = {{"tensor", source.tensor},
                  {"rows", source.rows},
                  {"columns", source.columns}};
    if (source.firstRow)
      entry["first_row"] = source.firstRow;
    if (source.transposed)
      entry["transposed"] = true;
    if (source.order == RowOrder::PairsToHalves)
      entry["row_order"] = "pairs to halves";
    if (source.columnStep) {
      entry["first_column"] = source.firstColumn;
      entry["column_step"] = source.columnStep;
    }
    if (source.parts)
      entry["parts"] = source.parts;
    if (source.partStep)
      entry["part_step"] = source.partStep;
    if (source.run) {
      entry["run"] = source.run;
      entry["stride"] = source.stride;
    }
    object[std::string(roleName(role))] = std::move(entry);
  }
  return object;
}

static Json toJson(const RopeTable &rope) {
  auto begin = rope.inverseFrequencies.begin();
  size_t shown = std::min<size_t>(rope.inverseFrequencies.size(), 4);
  return {
      {"columns", 2 * rope.inverseFrequencies.size()},
      {"pairing", rope.pairing == RopePairing::Half ? "half" : "interleaved"},
      {"scale", rope.scale},
      {"inverse_frequencies", std::vector<float>(begin, begin + shown)}};
}

static Json layersToJson(const ModelDescription &model) {
  static const char *const mixers[] = {"attention", "short_conv", "scan"};
  Json layers = Json::array();
  for (const LayerDescription &layer : model.layers)
    layers.push_back({{"mixer", mixers[int(layer.mixer)]},
                      {"window", layer.window},
                      {"rope", layer.rope},
                      {"attention_scale", layer.attentionScale},
                      {"feed_forward", layer.feedForward},
                      {"experts", layer.experts},
                      {"weights", toJson(layer.weights)}});
  return layers;
}

static Json expertsToJson(const ExpertSwitches &experts) {
  return {{"count", experts.count},
          {"choices", experts.choices},
          {"width", experts.width},
          {"shared_width", experts.sharedWidth},
          {"scores", experts.sigmoid ? "sigmoid" : "softmax"},
          {"choice_bias", experts.choiceBias},
          {"normalize", experts.normalize},
          {"scale", experts.scale},
          {"groups", experts.groups},
          {"top_groups", experts.topGroups},
          {"group_sum", experts.groupSum},
          {"biases", experts.biases},
          {"limit", experts.limit},
          {"alpha", experts.alpha}};
}

static Json latentToJson(const LatentSwitches &latent) {
  return {{"rank", latent.rank},
          {"query_rank", latent.queryRank},
          {"rope", latent.rope},
          {"value", latent.value},
          {"norm_eps", latent.normEps}};
}

static Json scanToJson(const ScanSwitches &scan) {
  return {{"heads", scan.heads},          {"head_size", scan.headSize},
          {"groups", scan.groups},        {"state", scan.state},
          {"conv_bias", scan.convBias},   {"rates", scan.rates},
          {"least_time", scan.leastTime}, {"most_time", scan.mostTime}};
}

std::string mica::toJson(const ModelDescription &model) {
  static const char *const activations[] = {"silu", "gelu", "gelu_tanh", "relu",
                                            "relu_squared"};
  static const char *const qkNorms[] = {"none", "head", "per_head", "row"};
  static const char *const residuals[] = {"sequential", "parallel",
                                          "parallel_shared"};
  static const char *const poolings[] = {"none", "mean", "first", "last"};
  Json ropes = Json::array();
  for (const RopeTable &rope : model.ropes)
    ropes.push_back(::toJson(rope));
  Json object = {
      {"family", model.family},
      {"name", model.name},
      {"vocabulary", model.vocabulary},
      {"width", model.width},
      {"heads", model.heads},
      {"kv_heads", model.kvHeads},
      {"head_size", model.headSize},
      {"ffn_width", model.ffnWidth},
      {"max_context", model.maxContext},
      {"conv_taps", model.convTaps},
      {"norm", model.norm == NormKind::RMS ? "rms" : "layer"},
      {"norm_eps", model.normEps},
      {"norm_offset", model.normOffset},
      {"norm_bias", hasNormBias(model)},
      {"pre_norms", model.preNorms},
      {"post_norms", model.postNorms},
      {"sum_norms", model.sumNorms},
      {"final_norm", model.finalNorm},
      {"causal", model.causal},
      {"qk_norms", qkNorms[int(model.qkNorms)]},
      {"residual", residuals[int(model.residual)]},
      {"residual_scale", model.residualScale},
      {"ropes", std::move(ropes)},
      {"learned_positions", model.learnedPositions},
      {"token_types", model.tokenTypes},
      {"embedding_norm", model.embeddingNorm},
      {"pooling", poolings[int(model.pooling)]},
      {"unit_embeddings", model.unitEmbeddings},
      {"embedding_scale", model.embeddingScale},
      {"attention_softcap", model.attentionSoftcap},
      {"final_softcap", model.finalSoftcap},
      {"logit_scale", model.logitScale},
      {"activation", activations[int(model.activation)]},
      {"gated", model.gated},
      {"qkv_bias", model.qkvBias},
      {"attention_output_bias", model.attentionOutputBias},
      {"attention_sinks", model.attentionSinks},
      {"ffn_bias", model.ffnBias},
      {"tied", model.tied},
      {"experts", expertsToJson(model.experts)},
      {"latent", latentToJson(model.latent)},
      {"scan", scanToJson(model.scan)},
      {"bos_token", model.bosToken},
      {"eos_tokens", model.eosTokens},
      {"weights", ::toJson(model.weights)},
      {"layers", layersToJson(model)},
      {"warnings", model.warnings},
  };
  return object.dump(2, ' ', false, Json::error_handler_t::replace);
}
