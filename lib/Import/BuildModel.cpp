//===- BuildModel.cpp - A model description as mica IR --------------------===//
//
// Reads from top to bottom as the model does: tokens, layers, logits. The
// comment of Model.h gives the formulas that the switches stand for.
//
//===----------------------------------------------------------------------===//

#include "lib/Import/BuildModel.h"
#include "lib/Import/RowMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"

#include <cmath>

using namespace mlir;
using namespace mica;

namespace {

/// What layers of one function have in common: mixer, window, rope, scale, the
/// types of the weights as stored, and which of them share an order of columns.
using LayerKind = std::tuple<Mixer, int64_t, int, double, bool, bool,
                             std::vector<const void *>, std::map<Role, Role>>;

class ModelBuilder {
public:
  ModelBuilder(MLIRContext *context, const Checkpoint &checkpoint,
               const ModelDescription &model, const BuildOptions &options)
      : b(context), loc(b.getUnknownLoc()), math(b, loc), model(model),
        options(options),
        weights(context, checkpoint, model.headSize, options.quantize),
        rowsType(RankedTensorType::get({ShapedType::kDynamic, model.width},
                                       b.getF32Type())),
        batchType(BatchType::get(context)) {}

  OwningOpRef<ModuleOp> build() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    b.setInsertionPointToEnd(module->getBody());
    declare(weights.of(model.weights));
    for (auto [index, layer] : llvm::enumerate(model.layers))
      declare(weightsOf(index));
    for (const LayerDescription &layer : model.layers) {
      for (Kept kept : keptBy(layer))
        keptOf.insert({kept, static_cast<int64_t>(keptOf.size())});
      LayerKind kind = kindOf(layer);
      if (functionOf.insert({kind, "layer" + std::to_string(functionOf.size())})
              .second)
        buildLayer(layer, functionOf[kind]);
    }
    buildStep();
    setAttributes(*module);
    return module;
  }

private:
  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  void declare(const std::vector<ModelWeight> &all) {
    for (const ModelWeight &weight : all)
      WeightOp::create(
          b, loc, b.getStringAttr(weight.symbol), TypeAttr::get(weight.type),
          b.getArrayAttr(weight.source), FlatSymbolRefAttr(), ArrayAttr());
  }

  /// The weights of layer `index`.
  std::vector<ModelWeight> weightsOf(int64_t index) {
    return weights.of(model.layers[index].weights,
                      "l" + std::to_string(index) + ".");
  }

  /// Begins a function that has the values `given` for `all`, which are those
  /// of `roles`.
  void takeWeights(const WeightMap &roles, ArrayRef<ModelWeight> all,
                   ValueRange given) {
    arguments.clear();
    orders.clear();
    ordered.clear();
    orderOf = weights.ordersOf(roles);
    for (auto [weight, value] : llvm::zip_equal(all, given))
      (weight.isOrder ? orders : arguments)[weight.role] = value;
  }

  //===--------------------------------------------------------------------===//
  // Small parts
  //===--------------------------------------------------------------------===//

  RankedTensorType rows(int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns},
                                 b.getF32Type());
  }

  //===--------------------------------------------------------------------===//
  // Layers
  //===--------------------------------------------------------------------===//

  LayerKind kindOf(const LayerDescription &layer) {
    std::vector<const void *> types;
    for (const ModelWeight &weight : weights.of(layer.weights))
      types.push_back(weight.type.getAsOpaquePointer());
    return {layer.mixer,
            layer.window,
            layer.rope,
            layer.attentionScale,
            layer.feedForward,
            layer.experts,
            types,
            weights.ordersOf(layer.weights)};
  }

  StateType state(ArrayRef<int64_t> shape) {
    return StateType::get(b.getContext(), shape, b.getF32Type());
  }

  /// What a layer keeps of sequences: a cache or states.
  SmallVector<Type> keptTypes(const LayerDescription &layer) {
    int64_t window = layer.window;
    if (layer.mixer == Mixer::ShortConv)
      return {state({model.convTaps - 1, model.width})};
    if (const ScanSwitches &scan = model.scan; layer.mixer == Mixer::Scan)
      return {state({model.convTaps - 1, scan.width()}),
              state({model.convTaps - 1, scan.keys()}),
              state({model.convTaps - 1, scan.keys()}),
              state({scan.heads, scan.state, scan.headSize})};
    if (const LatentSwitches &latent = model.latent; latent.rank)
      return {KVType::get(b.getContext(), 1, latent.rank + latent.rope,
                          latent.rank, options.cache, options.page, window)};
    return {KVType::get(b.getContext(), model.kvHeads, model.headSize,
                        model.headSize, options.cache, options.page, window)};
  }

  /// A type, and how many of it a layer keeps before.
  using Kept = std::pair<Type, int64_t>;
  SmallVector<Kept> keptBy(const LayerDescription &layer) {
    SmallVector<Kept> result;
    for (Type type : keptTypes(layer))
      result.push_back({type, llvm::count_if(result, [&](const Kept &kept) {
                          return kept.first == type;
                        })});
    return result;
  }

  RankedTensorType anglesType(int rope) {
    int64_t pairs = model.ropes[rope].inverseFrequencies.size();
    return RankedTensorType::get({ShapedType::kDynamic, pairs},
                                 ComplexType::get(b.getF32Type()));
  }

  /// The weight of `role` in the function being built; null if absent.
  Value weight(Role role) {
    auto it = arguments.find(role);
    return it == arguments.end() ? Value() : it->second;
  }

  /// Without a bias if there is no `biasRole`; of each `group` columns, or of
  /// as many as the weight has.
  Value norm(Value x, Role role, std::optional<Role> biasRole = {},
             IntegerAttr group = {}, std::optional<double> ownEps = {}) {
    Value w = weight(role);
    auto eps =
        b.getF32FloatAttr(static_cast<float>(ownEps.value_or(model.normEps)));
    if (model.norm == NormKind::Layer)
      return LayerNormOp::create(b, loc, x.getType(), x, w,
                                 biasRole ? weight(*biasRole) : Value(), eps,
                                 group);
    auto offset = b.getF32FloatAttr(static_cast<float>(model.normOffset));
    return RMSNormOp::create(b, loc, x.getType(), x, w, eps, offset, group);
  }

  /// `x` with its columns as the weight of `role` has them.
  Value inOrder(Value x, Role role) {
    auto shared = orderOf.find(role);
    if (shared == orderOf.end())
      return x;
    Value &result = ordered[{x, shared->second}];
    if (!result)
      result = PermuteColumnsOp::create(b, loc, x.getType(), x,
                                        orders.at(shared->second));
    return result;
  }

  Value linear(Value x, Role role, std::optional<Role> biasRole = {}) {
    Value w = weight(role);
    x = inOrder(x, role);
    int64_t n = cast<WeightType>(w.getType()).rows();
    return LinearOp::create(b, loc, rows(n), x, w,
                            biasRole ? weight(*biasRole) : Value());
  }

  /// Norm and rotary positions of queries or keys, head by head.
  Value positioned(Value x, Role role, const LayerDescription &layer,
                   Value angles) {
    auto head = b.getI64IntegerAttr(model.headSize);
    bool heads = model.qkNorms == QKNorms::PerHead;
    if (model.qkNorms != QKNorms::None)
      x = norm(x, role, std::nullopt, heads ? head : IntegerAttr());
    return layer.rope < 0 ? x : rotated(x, layer, angles, model.headSize, 0);
  }

  /// Heads of `head` columns, of which those from `first` on turn.
  Value rotated(Value x, const LayerDescription &layer, Value angles,
                int64_t head, int64_t first) {
    bool interleaved =
        model.ropes[layer.rope].pairing == RopePairing::Interleaved;
    return RopeOp::create(
        b, loc, x.getType(), x, angles, b.getI64IntegerAttr(head),
        interleaved ? b.getUnitAttr() : UnitAttr(), b.getI64IntegerAttr(first));
  }

  /// Attention over latents, of which each stands twice in the cache: as the
  /// first columns of a key, and as a value.
  Value latentAttention(Value x, Value &kv, Value batch, Value angles,
                        const LayerDescription &layer) {
    const LatentSwitches &latent = model.latent;
    auto normed = [&](Role down, Role role) {
      return norm(linear(x, down), role, {}, {}, latent.normEps);
    };
    Value q = linear(
        latent.queryRank ? normed(Role::QueryDown, Role::QueryDownNorm) : x,
        Role::Query);
    q = rotated(q, layer, angles, model.headSize, model.headSize - latent.rope);
    Value c = normed(Role::LatentDown, Role::LatentNorm);
    Value r = rotated(linear(x, Role::LatentRope), layer, angles, latent.rope,
                      /*first=*/0);
    auto write = [&](Value rows, bool value, int64_t first) {
      kv = KVWriteOp::create(b, loc, kv.getType(), kv, rows, batch,
                             value ? b.getUnitAttr() : UnitAttr(),
                             b.getI64IntegerAttr(first));
    };
    // Both of the latent last: one kernel norms and writes it.
    write(r, /*value=*/false, latent.rank);
    write(c, /*value=*/false, 0);
    write(c, /*value=*/true, 0);
    Value o = LatentAttentionOp::create(
        b, loc, rows(model.heads * latent.value), q, kv,
        weight(Role::LatentKeys), weight(Role::LatentValues), batch,
        b.getF32FloatAttr(static_cast<float>(layer.attentionScale)),
        MaskAttr::get(b.getContext(), true, layer.window));
    return linear(o, Role::AttentionOutput);
  }

  Value attention(Value x, Value &kv, Value batch, Value angles,
                  const LayerDescription &layer) {
    Value q = positioned(linear(x, Role::Query, Role::QueryBias),
                         Role::QueryNorm, layer, angles);
    Value k = positioned(linear(x, Role::Key, Role::KeyBias), Role::KeyNorm,
                         layer, angles);
    Value v = linear(x, Role::Value, Role::ValueBias);
    kv = KVAppendOp::create(b, loc, kv.getType(), kv, k, v, batch);
    auto mask = MaskAttr::get(b.getContext(), model.causal, layer.window);
    auto o = AttentionOp::create(
        b, loc, rows(model.heads * model.headSize), q, kv, batch,
        b.getI64IntegerAttr(model.heads),
        b.getF32FloatAttr(static_cast<float>(layer.attentionScale)), mask,
        b.getF32FloatAttr(static_cast<float>(model.attentionSoftcap)));
    if (Value sinks = weight(Role::AttentionSinks))
      o.getSinksMutable().assign(sinks);
    return linear(o, Role::AttentionOutput, Role::AttentionOutputBias);
  }

  /// A gated convolution over the newest rows, which the state holds.
  Value shortConv(Value x, Value &state, Value batch) {
    Value input =
        math.mul(linear(x, Role::ConvGateIn), linear(x, Role::ConvInput));
    auto conv =
        ShortConvOp::create(b, loc, TypeRange{input.getType(), state.getType()},
                            input, weight(Role::ConvTaps), state, batch,
                            /*bias=*/Value());
    state = conv.getNext();
    Value gate = linear(x, Role::ConvGateOut);
    return linear(math.mul(gate, conv.getResult()), Role::ConvOutput);
  }

  /// silu(conv(x W^T)) of a scan's inputs, keys or queries.
  Value convolved(Value x, Role role, Role taps, Role bias, Value &state,
                  Value batch) {
    x = linear(x, role);
    auto conv =
        ShortConvOp::create(b, loc, TypeRange{x.getType(), state.getType()}, x,
                            weight(taps), state, batch, weight(bias));
    state = conv.getNext();
    return math.activated(Activation::Silu, conv.getResult());
  }

  /// A selective state space behind three convolutions, then a gated norm of
  /// each group.
  Value scan(Value x, MutableArrayRef<Value> states, Value batch) {
    const ScanSwitches &scan = model.scan;
    Value gate = linear(x, Role::ScanGate), time = linear(x, Role::ScanTime);
    Value input = convolved(x, Role::ScanInput, Role::ScanInputTaps,
                            Role::ScanInputTapsBias, states[0], batch);
    Value key = convolved(x, Role::ScanKey, Role::ScanKeyTaps,
                          Role::ScanKeyTapsBias, states[1], batch);
    Value query = convolved(x, Role::ScanQuery, Role::ScanQueryTaps,
                            Role::ScanQueryTapsBias, states[2], batch);
    auto limit = [&](double seconds) {
      return b.getF32FloatAttr(static_cast<float>(seconds));
    };
    auto y = SSMScanOp::create(
        b, loc, TypeRange{input.getType(), states[3].getType()}, input, time,
        key, query, weight(Role::ScanTimeBias), weight(Role::ScanDecay),
        weight(Role::ScanSkip), states[3], batch, limit(scan.leastTime),
        scan.mostTime ? limit(scan.mostTime) : FloatAttr(),
        scan.rates ? b.getUnitAttr() : UnitAttr());
    states[3] = y.getNext();
    Value h = math.mul(y.getResult(), math.activated(Activation::Silu, gate));
    h = norm(h, Role::ScanNorm, {},
             b.getI64IntegerAttr(scan.width() / scan.groups));
    return linear(h, Role::ScanOutput);
  }

  /// What mixes the rows of a layer; `kept` becomes what it keeps then.
  Value mixed(Value x, MutableArrayRef<Value> kept, Value batch, Value angles,
              const LayerDescription &layer) {
    if (layer.mixer == Mixer::ShortConv)
      return shortConv(x, kept[0], batch);
    if (layer.mixer == Mixer::Scan)
      return scan(x, kept, batch);
    return model.latent.rank ? latentAttention(x, kept[0], batch, angles, layer)
                             : attention(x, kept[0], batch, angles, layer);
  }

  /// act(gate) * up, or act(up).
  Value activated(function_ref<Value()> gate, function_ref<Value()> up) {
    if (!model.gated)
      return math.activated(model.activation, up());
    Value g = gate();
    return math.mul(math.activated(model.activation, g), up());
  }

  Value feedForward(Value x) {
    Value h = activated([&] { return linear(x, Role::Gate, Role::GateBias); },
                        [&] { return linear(x, Role::Up, Role::UpBias); });
    return linear(h, Role::Down, Role::DownBias);
  }

  /// The ffn of all rows beside experts.
  Value sharedFeedForward(Value x) {
    Value h = activated([&] { return linear(x, Role::SharedGate); },
                        [&] { return linear(x, Role::SharedUp); });
    return linear(h, Role::SharedDown);
  }

  /// The product of rows with the experts that they chose.
  Value grouped(Value x, Role role, Role biasRole, Value experts) {
    Value w = weight(role);
    int64_t n = cast<WeightType>(w.getType()).rows();
    auto type = RankedTensorType::get(
        {ShapedType::kDynamic, model.experts.choices, n}, b.getF32Type());
    return GroupedLinearOp::create(b, loc, type, x, w, experts,
                                   weight(biasRole), Value(), Value(),
                                   IntegerAttr());
  }

  RouteOp route(Value x) {
    const ExpertSwitches &experts = model.experts;
    auto choices = RankedTensorType::get(
        {ShapedType::kDynamic, experts.choices}, b.getI32Type());
    auto scores =
        experts.sigmoid ? RouterScores::sigmoid : RouterScores::softmax;
    return RouteOp::create(b, loc,
                           TypeRange{choices.clone(b.getF32Type()), choices},
                           linear(x, Role::Router, Role::RouterLogitBias),
                           weight(Role::RouterBias), scores, experts.normalize,
                           llvm::APFloat(static_cast<float>(experts.scale)),
                           experts.groups, experts.topGroups, experts.groupSum);
  }

  Value expertFeedForward(Value x) {
    RouteOp choice = route(x);
    Value experts = choice.getExperts();
    auto gate = [&] {
      return grouped(x, Role::ExpertGate, Role::ExpertGateBias, experts);
    };
    auto up = [&] {
      return grouped(x, Role::ExpertUp, Role::ExpertUpBias, experts);
    };
    const ExpertSwitches &kind = model.experts;
    Value h;
    if (kind.limit) {
      Value g = gate();
      h = math.clampedSwiglu(g, up(), kind.limit, kind.alpha);
    } else {
      h = activated(gate, up);
    }
    h = grouped(h, Role::ExpertDown, Role::ExpertDownBias, experts);
    Value sum =
        CombineOp::create(b, loc, rowsType, h, choice.getWeights(), Value());
    return model.experts.sharedWidth ? math.add(sum, sharedFeedForward(x))
                                     : sum;
  }

  void buildLayer(const LayerDescription &layer, StringRef name) {
    SmallVector<Type> results = {rowsType};
    llvm::append_range(results, keptTypes(layer));
    SmallVector<Type> types(results);
    types.push_back(batchType);
    if (layer.rope >= 0)
      types.push_back(anglesType(layer.rope));
    size_t fixed = types.size();
    std::vector<ModelWeight> all = weights.of(layer.weights);
    for (const ModelWeight &weight : all)
      types.push_back(weight.type);
    auto function =
        func::FuncOp::create(b, loc, name, b.getFunctionType(types, results));
    function.setPrivate();
    OpBuilder::InsertionGuard guard(b);
    Block *body = function.addEntryBlock();
    b.setInsertionPointToStart(body);
    takeWeights(layer.weights, all, body->getArguments().drop_front(fixed));

    ValueRange given = body->getArguments();
    Value x = given[0], batch = given[results.size()];
    Value angles = layer.rope >= 0 ? given[results.size() + 1] : Value();
    SmallVector<Value> returned(given.take_front(results.size()));
    Value before = preNormed(x, Role::AttentionNorm, Role::AttentionNormBias);
    Value h = mixed(before, MutableArrayRef(returned).drop_front(), batch,
                    angles, layer);
    returned[0] =
        addedTo(x, h, Role::PostAttentionNorm, Role::PostAttentionNormBias);
    if (layer.feedForward)
      returned[0] = withFeedForward(x, before, returned[0], layer);
    func::ReturnOp::create(b, loc, returned);
  }

  /// `sum` and the ffn of a layer that reads `x` and mixes `before`.
  Value withFeedForward(Value x, Value before, Value sum,
                        const LayerDescription &layer) {
    if (model.residual != Residual::ParallelShared)
      before = preNormed(model.residual == Residual::Parallel ? x : sum,
                         Role::FfnNorm, Role::FfnNormBias);
    Value h = layer.experts ? expertFeedForward(before) : feedForward(before);
    return addedTo(sum, h, Role::PostFfnNorm, Role::PostFfnNormBias);
  }

  Value preNormed(Value x, Role role, Role biasRole) {
    return model.preNorms ? norm(x, role, biasRole) : x;
  }

  /// sum(x + residualScale * post(h)).
  Value addedTo(Value x, Value h, Role role, Role biasRole) {
    if (model.postNorms)
      h = norm(h, role);
    x = math.add(x, math.scaled(h, model.residualScale));
    return model.sumNorms ? norm(x, role, biasRole) : x;
  }

  //===--------------------------------------------------------------------===//
  // The step
  //===--------------------------------------------------------------------===//

  Value embeddings(Value batch) {
    auto ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
    Value tokens = TokensOp::create(b, loc, ids, batch);
    Value x = EmbeddingOp::create(b, loc, rowsType, tokens,
                                  weight(Role::TokenEmbedding));
    x = math.scaled(x, model.embeddingScale);
    if (model.learnedPositions) {
      Value positions = PositionsOp::create(b, loc, ids, batch);
      x = math.add(x, EmbeddingOp::create(b, loc, rowsType, positions,
                                          weight(Role::PositionEmbedding)));
    }
    if (model.tokenTypes)
      x = math.add(x, EmbeddingOp::create(b, loc, rowsType, tokens,
                                          weight(Role::TokenType),
                                          b.getI64IntegerAttr(0)));
    return model.embeddingNorm
               ? norm(x, Role::EmbeddingNorm, Role::EmbeddingNormBias)
               : x;
  }

  /// Logits of the output rows.
  Value logits(Value x, Value batch) {
    x = OutputRowsOp::create(b, loc, rowsType, x, batch);
    if (model.finalNorm)
      x = norm(x, Role::FinalNorm, Role::FinalNormBias);
    Value output =
        model.tied ? weight(Role::TokenEmbedding) : weight(Role::Output);
    x = inOrder(x, Role::Output);
    x = LinearOp::create(b, loc, rows(model.vocabulary), x, output, Value());
    return math.softcapped(math.scaled(x, model.logitScale),
                           model.finalSoftcap);
  }

  /// The embeddings of the output rows' sequences.
  Value pooled(Value x, Value batch) {
    static constexpr Pooling kinds[] = {Pooling::mean, Pooling::mean,
                                        Pooling::first, Pooling::last};
    if (model.finalNorm)
      x = norm(x, Role::FinalNorm, Role::FinalNormBias);
    x = PoolRowsOp::create(b, loc, rowsType, x, batch,
                           kinds[int(model.pooling)]);
    if (!model.unitEmbeddings)
      return x;
    // x / |x|, with an epsilon that a vector of zeros alone feels.
    auto width = static_cast<double>(model.width);
    x = RMSNormOp::create(b, loc, rowsType, x, Value(),
                          b.getF32FloatAttr(float(1e-24 / width)),
                          b.getF32FloatAttr(0), IntegerAttr());
    return math.scaled(x, 1 / std::sqrt(width));
  }

  SmallVector<Value> allAngles(Value batch) {
    SmallVector<Value> result;
    auto ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
    for (auto [index, rope] : llvm::enumerate(model.ropes)) {
      Value positions = PositionsOp::create(b, loc, ids, batch);
      result.push_back(
          RopeAnglesOp::create(b, loc, anglesType(index), positions,
                               b.getDenseF32ArrayAttr(rope.inverseFrequencies),
                               b.getF32FloatAttr(rope.scale)));
    }
    return result;
  }

  ArrayAttr layerAttributes() {
    SmallVector<Attribute> layers;
    for (auto [index, layer] : llvm::enumerate(model.layers)) {
      LayerKind kind = kindOf(layer);
      SmallVector<int64_t> shared = {0};
      if (layer.rope >= 0)
        shared.push_back(1 + layer.rope);
      SmallVector<int64_t> kept;
      for (Kept each : keptBy(layer))
        kept.push_back(keptOf[each]);
      SmallVector<FlatSymbolRefAttr> symbols;
      for (const ModelWeight &weight : weightsOf(index))
        symbols.push_back(
            FlatSymbolRefAttr::get(b.getContext(), weight.symbol));
      layers.push_back(LayerAttr::get(
          b.getContext(),
          FlatSymbolRefAttr::get(b.getContext(), functionOf[kind]), kept,
          shared, symbols));
    }
    return b.getArrayAttr(layers);
  }

  void buildStep() {
    SmallVector<Type> types = {batchType};
    for (Kept kept : llvm::make_first_range(keptOf))
      types.push_back(kept.first);
    SmallVector<Type> results(types);
    bool embeds = model.pooling != PoolingKind::None;
    results[0] = rows(embeds ? model.width : model.vocabulary);
    auto function =
        func::FuncOp::create(b, loc, "step", b.getFunctionType(types, results));
    OpBuilder::InsertionGuard guard(b);
    Block *body = function.addEntryBlock();
    b.setInsertionPointToStart(body);
    std::vector<ModelWeight> all = weights.of(model.weights);
    SmallVector<Value> values;
    for (const ModelWeight &weight : all)
      values.push_back(GetWeightOp::create(b, loc, weight.type, weight.symbol));
    takeWeights(model.weights, all, values);

    Value batch = body->getArgument(0);
    Value x = embeddings(batch);
    SmallVector<Value> shared = {batch};
    llvm::append_range(shared, allAngles(batch));
    auto stack = StackOp::create(
        b, loc,
        [&] {
          SmallVector<Type> stackTypes = {rowsType};
          llvm::append_range(stackTypes, ArrayRef(types).drop_front());
          return stackTypes;
        }(),
        x, body->getArguments().drop_front(), shared, layerAttributes());
    x = stack.getResult();
    SmallVector<Value> returned = {embeds ? pooled(x, batch)
                                          : logits(x, batch)};
    llvm::append_range(returned, stack.getKvResults());
    func::ReturnOp::create(b, loc, returned);
  }

  void setAttributes(ModuleOp module) {
    auto integer = [&](StringRef name, int64_t value) {
      return b.getNamedAttr(name, b.getI64IntegerAttr(value));
    };
    std::string dtype;
    llvm::raw_string_ostream(dtype) << options.dtype;
    int64_t parameters = 0;
    for (WeightOp weight : module.getOps<WeightOp>()) {
      auto type = cast<WeightType>(weight.getType());
      if (type.getElementType() && type.getElementType().isInteger())
        continue;
      parameters +=
          type.parts() * type.rows() * (type.isVector() ? 1 : type.columns());
    }
    module->setAttr("mica.target", options.target);
    module->setAttr("mica.dtype", TypeAttr::get(options.dtype));
    module->setAttr(
        "mica.model",
        b.getDictionaryAttr(
            {b.getNamedAttr("name", b.getStringAttr(model.name)),
             b.getNamedAttr("family", b.getStringAttr(model.family)),
             b.getNamedAttr("dtype", b.getStringAttr(dtype)),
             integer("vocab", model.vocabulary),
             integer("padded_vocab", llvm::alignTo(model.vocabulary, 16)),
             integer("max_context", model.maxContext),
             integer("embedding_width",
                     model.pooling == PoolingKind::None ? 0 : model.width),
             b.getNamedAttr("causal", b.getBoolAttr(model.causal)),
             integer("parameters", parameters),
             integer("layers", model.layers.size())}));
  }

  OpBuilder b;
  Location loc;
  RowMath math;
  const ModelDescription &model;
  const BuildOptions &options;
  ModelWeights weights;
  RankedTensorType rowsType;
  BatchType batchType;
  /// Caches and states, functions by kind of layer, in order of appearance.
  llvm::MapVector<Kept, int64_t> keptOf;
  std::map<LayerKind, std::string> functionOf;
  // Of the function being built: its weights, which order each one's columns
  // have, the orders, and rows in an order.
  std::map<Role, Value> arguments;
  std::map<Role, Role> orderOf;
  std::map<Role, Value> orders;
  llvm::DenseMap<std::pair<Value, Role>, Value> ordered;
};

} // namespace

OwningOpRef<ModuleOp> mica::buildModel(MLIRContext *context,
                                       const Checkpoint &checkpoint,
                                       const ModelDescription &model,
                                       const BuildOptions &options) {
  context->loadDialect<arith::ArithDialect, func::FuncDialect,
                       math::MathDialect, tensor::TensorDialect, MicaDialect>();
  return ModelBuilder(context, checkpoint, model, options).build();
}
