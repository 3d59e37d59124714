//===- Model.h - What a decoder is, from a closed list of switches -*- C++ -*-//
//
// `describeModel` reads a checkpoint into a `ModelDescription`; the IR builder
// needs nothing else. Whatever a family does must be said in these switches:
// the builder does not know families. With x the residual stream, a layer is
//
//   x = sum(x + residualScale * post(mixer(pre(x))))
//   x = sum(x + residualScale * post(ffn(pre(x))))
//
// where pre, post and sum are norms, or nothing without preNorms, postNorms and
// sumNorms, and the mixer of a layer is attention, a short convolution or a
// selective scan; a layer may have no ffn; if
// `residual` is parallel, the ffn reads the x that attention reads. Attention
// takes q, k, v = linear(h) (+ bias), normalises q and k (qkNorms), rotates
// them (rope), and
//
//   s = scale * q . k;  if (attentionSoftcap) s = cap * tanh(s / cap)
//
// and the ffn is linear(act(gate(h)) * up(h)) if gated, else
// linear(act(up(h))); in a layer with experts it is the weighted sum of the
// ffns that the router chose for a row (`mica.route`) and of the shared one.
// With `latent`, queries, keys and values of attention are those of
// `mica.latent_attention`: a cache holds norm(down(h)) and a rotated part that
// all heads share.
// A short convolution is linear(c * conv(b * i)) with b, c, i = linear(h), each
// column convolved with `convTaps` weights over the rows (`mica.short_conv`).
// A selective scan (Mamba-2) is linear(norm(y * silu(z))), the norm over the
// columns of a group, with z, x, k, q, t = linear(h), each of x, k and q
// silu(conv(.)), and y the result of `mica.ssm_scan`.
// After the last layer come the final norm, the output projection, logitScale
// and finalSoftcap. In front of the first one, x = embedding[token] *
// embeddingScale
// (+ positionEmbedding[position] if learnedPositions, + tokenType[0] if there
// are such), behind a norm if embeddingNorm. With `pooling` there is no output
// projection: the rows of each sequence become one, an embedding.
//
// Legend: V vocabulary, D model width, F ffn width, H heads, K kv-heads, E
// experts.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef LIB_IMPORT_MODEL_H
#define LIB_IMPORT_MODEL_H

#include "lib/Import/Checkpoint.h"

namespace mica {

enum class NormKind : uint8_t {
  RMS,   ///< x / sqrt(mean(x^2) + eps) * (w + normOffset)
  Layer, ///< (x - mean(x)) / sqrt(var(x) + eps) * w (+ b, if normBias)
};

/// Which norms queries and keys pass, of the kind `ModelDescription::norm`.
enum class QKNorms : uint8_t {
  None,
  Head,    ///< each head, all with one weight [headSize]
  PerHead, ///< each head, with weights of its own [heads * headSize]
  Row,     ///< all heads of a row as one, with weights [heads * headSize]
};

/// Which rows of a sequence are its embedding (`mica.pool_rows`).
enum class PoolingKind : uint8_t {
  None, ///< there is none: the model gives logits
  Mean,
  First,
  Last,
};

/// What mixes the rows of a layer.
enum class Mixer : uint8_t {
  Attention,
  ShortConv, ///< a gated convolution over the newest rows
  Scan,      ///< a selective state space
};

/// What the ffn of a layer reads.
enum class Residual : uint8_t {
  Sequential,     ///< the stream behind attention
  Parallel,       ///< what attention reads, through a norm of its own
  ParallelShared, ///< what attention reads, through the same norm
};

enum class Activation : uint8_t {
  Silu,
  Gelu,        ///< with erf
  GeluTanh,    ///< with the tanh approximation
  Relu,        ///< max(x, 0)
  ReluSquared, ///< max(x, 0)^2
};

/// The experts of a layer, and how rows choose (the formula of `mica.route`).
struct ExpertSwitches {
  int64_t count = 0;       ///< E; 0: the model has none
  int64_t choices = 0;     ///< of each row
  int64_t width = 0;       ///< F of an expert
  int64_t sharedWidth = 0; ///< F of the ffn of all rows; 0: none
  bool sigmoid = false;    ///< scores are a sigmoid, else a softmax of logits
  bool choiceBias = false; ///< a bias that counts for the choice alone
  bool normalize = false;  ///< weights of a row sum to `scale`
  double scale = 1;        ///< factor on weights
  int64_t groups = 1, topGroups = 1; ///< of experts; those that may be chosen
  int64_t groupSum = 1; ///< how many experts of a group speak for it
  bool biases = false;  ///< of the router's logits and of every expert
  /// If not 0, an expert computes g = min(gate, limit) and u = up between
  /// -limit and limit, and what goes down is (u + 1) * g * sigmoid(alpha * g).
  double limit = 0, alpha = 0;
};

/// Attention over a latent (`mica.latent_attention`). Of the `headSize` columns
/// of a query the last `rope` turn.
struct LatentSwitches {
  int64_t rank = 0;      ///< of what keys and values are made of; 0: not so
  int64_t queryRank = 0; ///< of what queries are made of; 0: of the row itself
  int64_t rope = 0;
  int64_t value = 0;  ///< columns of a head's value
  double normEps = 0; ///< of the norms of both
};

/// A selective state space (`mica.ssm_scan`), of heads over `headSize` columns.
/// Keys and queries have `groups` groups of `state` columns; `convTaps` rows of
/// inputs, keys and queries meet in a convolution before.
struct ScanSwitches {
  int64_t heads = 0; ///< 0: the model has none
  int64_t headSize = 0, groups = 0, state = 0;
  bool convBias = false;
  bool rates = false;                 ///< `Role::ScanDecay` holds -exp(a_log)
  double leastTime = 0, mostTime = 0; ///< of a step; 0: any

  int64_t width() const { return heads * headSize; }
  int64_t keys() const { return groups * state; }
};

/// Which columns of a head rope turns together.
enum class RopePairing : uint8_t {
  Half,        ///< i and i + rotary / 2
  Interleaved, ///< 2 i and 2 i + 1
};

/// Angles of rope: column pair i of a row at position p turns by
/// p * inverseFrequencies[i], and is scaled. The first 2 * size columns of a
/// head turn.
struct RopeTable {
  /// In f32, as `transformers` computes them; see Rope.h.
  std::vector<float> inverseFrequencies;
  RopePairing pairing = RopePairing::Half;
  /// Factor on cosines and sines (the attention factor of YaRN and LongRoPE).
  float scale = 1;

  bool operator==(const RopeTable &) const = default;
};

/// What a weight is for. A model has the roles that its switches ask for.
enum class Role : uint8_t {
  TokenEmbedding,        ///< [V, D]
  PositionEmbedding,     ///< [maxContext, D]
  TokenType,             ///< [tokenTypes, D]
  EmbeddingNorm,         ///< [D]
  EmbeddingNormBias,     ///< [D]
  AttentionNorm,         ///< [D], before attention
  AttentionNormBias,     ///< [D]
  Query,                 ///< [H * headSize, D or queryRank]
  Key,                   ///< [K * headSize, D]
  Value,                 ///< [K * headSize, D]
  QueryBias,             ///< [H * headSize]
  KeyBias,               ///< [K * headSize]
  ValueBias,             ///< [K * headSize]
  QueryNorm,             ///< [headSize] or, see `QKNorms`, [H * headSize]
  KeyNorm,               ///< [headSize] or [K * headSize]
  QueryDown,             ///< [queryRank, D]
  QueryDownNorm,         ///< [queryRank]
  LatentDown,            ///< [rank, D]
  LatentNorm,            ///< [rank]
  LatentRope,            ///< [rope, D]
  LatentKeys,            ///< [H, rank, headSize - rope]
  LatentValues,          ///< [H, value, rank]
  ConvGateIn,            ///< [D, D], of what is convolved
  ConvGateOut,           ///< [D, D], of the result
  ConvInput,             ///< [D, D]
  ConvTaps,              ///< [convTaps, D], the last for the row itself
  ConvOutput,            ///< [D, D]
  ScanGate,              ///< [scan.width, D]
  ScanInput,             ///< [scan.width, D]
  ScanKey,               ///< [scan.keys, D]
  ScanQuery,             ///< [scan.keys, D]
  ScanTime,              ///< [scan.heads, D]
  ScanInputTaps,         ///< [convTaps, scan.width]
  ScanKeyTaps,           ///< [convTaps, scan.keys]
  ScanQueryTaps,         ///< [convTaps, scan.keys]
  ScanInputTapsBias,     ///< [scan.width]
  ScanKeyTapsBias,       ///< [scan.keys]
  ScanQueryTapsBias,     ///< [scan.keys]
  ScanTimeBias,          ///< [scan.heads]
  ScanDecay,             ///< [scan.heads], a_log or, with `rates`, -exp(a_log)
  ScanSkip,              ///< [scan.heads]
  ScanNorm,              ///< [scan.width]
  ScanOutput,            ///< [D, scan.width]
  AttentionSinks,        ///< [H]
  AttentionOutput,       ///< [D, H * headSize], with a latent [D, H * value]
  AttentionOutputBias,   ///< [D]
  PostAttentionNorm,     ///< [D]
  PostAttentionNormBias, ///< [D], with `sumNorms`
  FfnNorm,               ///< [D], before the ffn
  FfnNormBias,           ///< [D]
  Gate,                  ///< [F, D]
  Up,                    ///< [F, D]
  GateBias,              ///< [F]
  UpBias,                ///< [F]
  Down,                  ///< [D, F]
  DownBias,              ///< [D]
  Router,                ///< [E, D]
  RouterBias,            ///< [E], `ExpertSwitches::choiceBias`
  RouterLogitBias,       ///< [E]
  ExpertGate,            ///< [E, F, D]
  ExpertUp,              ///< [E, F, D]
  ExpertDown,            ///< [E, D, F]
  ExpertGateBias,        ///< [E, F]
  ExpertUpBias,          ///< [E, F]
  ExpertDownBias,        ///< [E, D]
  SharedGate,            ///< [F, D]
  SharedUp,              ///< [F, D]
  SharedDown,            ///< [D, F]
  PostFfnNorm,           ///< [D]
  PostFfnNormBias,       ///< [D], with `sumNorms`
  FinalNorm,             ///< [D]
  FinalNormBias,         ///< [D]
  Output,                ///< [V, D], absent if tied
};
constexpr int roleCount = int(Role::Output) + 1;

/// In words, as in "attention output bias".
std::string_view roleName(Role role);

/// The order of a weight's rows in the file, within each head.
enum class RowOrder : uint8_t {
  Plain,
  /// Row 2 i + j of a head of `headSize` rows is row i + j * headSize / 2 of
  /// the weight meant: GGUF's "llama" files store q and k so.
  PairsToHalves,
};

/// Where the `rows` x `columns` matrix of a role comes from (columns 1 and rank
/// 1 for biases and norms). Row r of it is row `firstRow + r` of the tensor, or
/// column `firstRow + r` if `transposed` (GPT-2's Conv1D). If `run` is not 0,
/// the rows lie in runs of that many, each beginning `stride` rows after the
/// one before: row r is then row `firstRow + r / run * stride + r % run`.
/// `parts` > 0 (experts, heads): there is such a matrix for each, in a tensor
/// of its own if `tensor` has "{}" for its number, else in one of [parts, rows,
/// columns], or, with `partStep`, in one matrix, each so many rows of the file
/// after the one before.
struct WeightSource {
  std::string tensor; ///< a name that `Checkpoint::find` knows, but for "{}"
  int64_t rows = 0, columns = 1;
  int64_t firstRow = 0;
  bool transposed = false;
  RowOrder order = RowOrder::Plain;
  /// `TensorView::columnOrder`.
  std::string columnOrder = {};
  int64_t run = 0, stride = 0;
  int64_t parts = 0;
  /// If not 0, column c is column `firstColumn + c * columnStep` of the file,
  /// or its row if `transposed`.
  int64_t firstColumn = 0, columnStep = 0;
  int64_t partStep = 0;

  bool operator==(const WeightSource &) const = default;
};

using WeightMap = std::map<Role, WeightSource>;

struct LayerDescription {
  Mixer mixer = Mixer::Attention;
  /// A row sees at most this many positions, its own included; 0: all before.
  int64_t window = 0;
  /// Index into `ModelDescription::ropes`; -1: none.
  int rope = -1;
  double attentionScale = 1;
  bool feedForward = true; ///< whether there is an ffn
  /// Whether the ffn is one of experts.
  bool experts = false;
  WeightMap weights;
};

struct ModelDescription {
  std::string family; ///< "gemma3", "llama", ...: for messages only
  std::string name;   ///< from the checkpoint, may be empty

  int64_t vocabulary = 0, width = 0, heads = 0, kvHeads = 0, headSize = 0;
  int64_t ffnWidth = 0;
  /// Positions of a sequence: what was asked for, else what the model was made
  /// for.
  int64_t maxContext = 0;
  /// How many of them a sequence has unless more are asked for; 0: all.
  int64_t usualContext = 0;

  NormKind norm = NormKind::RMS;
  double normEps = 0;
  /// Added to every norm weight: Hugging Face stores Gemma's as w for 1 + w.
  double normOffset = 0;
  bool normBias = true;   ///< of layer norms
  bool preNorms = true;   ///< before attention and before the ffn
  bool postNorms = false; ///< after attention and after the ffn
  bool sumNorms = false;  ///< of the stream behind each (BERT)
  bool finalNorm = true;
  /// Whether a row sees no later row of its sequence. If it does (an encoder),
  /// sequences enter whole.
  bool causal = true;
  QKNorms qkNorms = QKNorms::None;
  int64_t convTaps = 0; ///< of short convolutions and in front of scans
  Residual residual = Residual::Sequential;
  /// Factor on what attention and the ffn add to the stream.
  double residualScale = 1;

  std::vector<RopeTable> ropes; ///< distinct
  bool learnedPositions = false;
  /// Kinds of tokens, of which all are the first; 0: none.
  int64_t tokenTypes = 0;
  bool embeddingNorm = false;
  PoolingKind pooling = PoolingKind::None;
  bool unitEmbeddings = false; ///< embeddings have length 1
  /// Factor on token embeddings, an f32 number. `transformers` rounds it to the
  /// weights' type before it multiplies.
  double embeddingScale = 1;

  double attentionSoftcap = 0, finalSoftcap = 0; ///< 0: none
  double logitScale = 1; ///< factor on logits, in front of finalSoftcap
  Activation activation = Activation::Silu;
  bool gated = true;
  /// Logits, one a head, that take part in the softmax without a value.
  bool attentionSinks = false;
  bool qkvBias = false, attentionOutputBias = false, ffnBias = false;
  bool tied = false; ///< the output projection is the token embedding
  ExpertSwitches experts;
  LatentSwitches latent;
  ScanSwitches scan;

  int64_t bosToken = -1;          ///< -1: none
  std::vector<int64_t> eosTokens; ///< any of them ends a text

  std::vector<LayerDescription> layers;
  WeightMap weights; ///< outside the layers

  /// One line each: tensors without a role, settings without effect.
  std::vector<std::string> warnings;
};

/// Reads hyperparameters by the checkpoint's family and finds and checks every
/// weight: missing tensors, shapes that contradict the hyperparameters,
/// settings that Mica does not know and families that it does not have are
/// errors. `context`, if not 0, is how many positions a sequence shall have: at
/// most as many as the model was made for, or as its rope can be stretched to.
Expected<ModelDescription> describeModel(const Checkpoint &checkpoint,
                                         int64_t context = 0);

/// The roles that the switches ask for, in a layer and outside of layers.
std::vector<Role> layerRoles(const ModelDescription &model,
                             const LayerDescription &layer);
std::vector<Role> modelRoles(const ModelDescription &model);

/// Whether a role is the weights of a convolution over rows.
constexpr bool isTaps(Role role) {
  return role == Role::ConvTaps || role == Role::ScanInputTaps ||
         role == Role::ScanKeyTaps || role == Role::ScanQueryTaps;
}

/// Matrices of a role that has one for each expert, or head; 0 of others.
int64_t roleParts(const ModelDescription &model, Role role);

/// Rows and columns (1 for vectors) that the switches ask for; of a part.
std::pair<int64_t, int64_t> roleShape(const ModelDescription &model, Role role);

/// Everything but the ropes' numbers beyond the first few, for people.
std::string toJson(const ModelDescription &model);

} // namespace mica

#endif // LIB_IMPORT_MODEL_H
