//===- BERT.cpp - BERT and sentence encoders of its kind ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/Families/Family.h"

#include <cmath>

using namespace mica;

static void read(Hyperparameters &in, ModelDescription &model) {
  readCommon(in, model, {.eps = 1e-12, .context = 512, .epsKey = layerNormEps});
  in.require("position_embedding_type", "absolute");
  in.require("is_decoder", false);
  in.require("add_cross_attention", false);
  model.causal = false;
  model.norm = NormKind::Layer;
  model.preNorms = model.finalNorm = model.gated = false;
  model.sumNorms = model.embeddingNorm = model.learnedPositions = true;
  model.qkvBias = model.attentionOutputBias = model.ffnBias = true;
  model.tokenTypes = in.size({"", "type_vocab_size"}, 2);
  model.activation = readActivation(in, "hidden_act", "gelu");
  for (LayerDescription &layer : model.layers)
    layer.attentionScale = std::pow(double(model.headSize), -0.5);
  readPooling(in, model);
}

static constexpr TensorPattern configPatterns[] = {
    {Role::TokenEmbedding, "embeddings.word_embeddings.weight"},
    {Role::PositionEmbedding, "embeddings.position_embeddings.weight"},
    {Role::TokenType, "embeddings.token_type_embeddings.weight"},
    {Role::EmbeddingNorm, "embeddings.LayerNorm.weight"},
    {Role::EmbeddingNormBias, "embeddings.LayerNorm.bias"},
    {Role::Query, "encoder.layer.{}.attention.self.query.weight"},
    {Role::QueryBias, "encoder.layer.{}.attention.self.query.bias"},
    {Role::Key, "encoder.layer.{}.attention.self.key.weight"},
    {Role::KeyBias, "encoder.layer.{}.attention.self.key.bias"},
    {Role::Value, "encoder.layer.{}.attention.self.value.weight"},
    {Role::ValueBias, "encoder.layer.{}.attention.self.value.bias"},
    {Role::AttentionOutput, "encoder.layer.{}.attention.output.dense.weight"},
    {Role::AttentionOutputBias, "encoder.layer.{}.attention.output.dense.bias"},
    {Role::PostAttentionNorm,
     "encoder.layer.{}.attention.output.LayerNorm.weight"},
    {Role::PostAttentionNormBias,
     "encoder.layer.{}.attention.output.LayerNorm.bias"},
    {Role::Up, "encoder.layer.{}.intermediate.dense.weight"},
    {Role::UpBias, "encoder.layer.{}.intermediate.dense.bias"},
    {Role::Down, "encoder.layer.{}.output.dense.weight"},
    {Role::DownBias, "encoder.layer.{}.output.dense.bias"},
    {Role::PostFfnNorm, "encoder.layer.{}.output.LayerNorm.weight"},
    {Role::PostFfnNormBias, "encoder.layer.{}.output.LayerNorm.bias"},
};

static constexpr std::string_view configNames[] = {"bert"};
static constexpr std::string_view prefixes[] = {"", "bert."};
// Heads that predict, and what the first token became for one of them.
static constexpr std::string_view ignored[] = {"*position_ids", "pooler.*",
                                               "bert.pooler.*", "cls.*"};

constinit const Family mica::familyBERT = {
    .name = "bert",
    .ggufNames = {},
    .configNames = configNames,
    .gguf = {},
    .config = {configPatterns, {}, prefixes, ignored},
    .read = read,
};
