"""The oracle is worth trusting: its checkpoints show mistakes, its sums agree."""
import pytest

import checkpoints
import kept
import mutations
import oracle

SHAPES = list(checkpoints.all_shapes())


@pytest.mark.parametrize("family,name", SHAPES)
def test_scores_are_spread(made, family, name):
    directory = made(family, name)
    tokens = checkpoints.tokens_of(family, name)
    for std in kept.value("spread", [kept.oracle(), family, name],
                          lambda: oracle.score_std(directory, tokens)):
        assert 2 <= std <= 4


@pytest.mark.parametrize("family,name", SHAPES)
def test_bound_is_tight(truth, family, name):
    """float32 lies 1,000 times closer to the oracle than the logits spread."""
    _, exact, bound = truth(family, name)
    assert bound < 1e-3 * exact.std().item()


@pytest.mark.parametrize("family,name", SHAPES)
def test_own_attention_is_the_eager_one(made, truth, family, name):
    """The attention that is made wrong below is right before that."""
    tokens, exact, _ = truth(family, name)
    error = kept.value("same", [kept.oracle(), family, name], lambda: oracle.rms(
        mutations.mutated_logits(made(family, name), tokens) - exact))
    assert error < 1e-12 * exact.std().item()


@pytest.mark.parametrize("family,mutation", [
    pytest.param(family, mutation, id=f"{family}-{mutation.__name__}")
    for family, group in mutations.MUTATIONS.items() for mutation in group])
def test_mutation_is_seen(made, truth, family, mutation):
    """In some shape of the family, the mistake is 100 times the bound."""
    seen = {}
    for name in checkpoints.SHAPES[family]:
        tokens, exact, bound = truth(family, name)
        moved = kept.value(
            "mutation", [kept.oracle(), family, name, mutation.__name__],
            lambda: oracle.rms(mutations.mutated_logits(
                made(family, name), tokens, mutation) - exact))
        seen[name] = moved / bound
    wanted = mutations.SEEN_OF.get(mutation, mutations.SEEN)
    assert max(seen.values()) >= wanted, seen
