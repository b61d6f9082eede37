"""Merging of products: sums regrouped by what they depend on, and one product for each operand."""

from programs import event, parameter, state, text, two_gates
from wolfdog.compiler.ir.program import Program
from wolfdog.compiler.ir.values import Builder
from wolfdog.compiler.passes.merge_matmuls import classify, gather_sums, merge_products

MERGED = """\
# step
# state     s0: [B, 4]
# parameter w0: [4, 4]
# parameter w1: [4, 4]
# event     x: [B, 3]
# parameter v0: [3, 4]
# parameter v1: [3, 4]
# parameter w2: [4, 4]
v3 = torch.cat((w0, w1), dim=-1)  # [4, 8]
v4 = s0 @ v3  # [B, 8]
v5 = v4.narrow(-1, 0, 4)  # [B, 4]
v9 = torch.cat((v0, v1), dim=-1)  # [3, 8]
v10 = x @ v9  # [B, 8]
v11 = v10.narrow(-1, 0, 4)  # [B, 4]
v12 = v5 + v11  # [B, 4]
v13 = torch.sigmoid(v12)  # [B, 4]
v14 = v4.narrow(-1, 4, 4)  # [B, 4]
v15 = v10.narrow(-1, 4, 4)  # [B, 4]
v16 = v14 + v15  # [B, 4]
v17 = torch.tanh(v16)  # [B, 4]
v18 = v13 * v17  # [B, 4]
v20 = v18 @ w2  # [B, 4]
# y = v20
# s0 = v20"""


def test_products_of_one_operand_become_one_with_their_matrices_side_by_side() -> None:
    assert text(merge_products(two_gates())) == MERGED


GATHERED = """\
# step
# state     s0: [B, 4]
# parameter w: [4, 4]
# event     x: [B, 4]
# parameter v: [4, 4]
# parameter bias: [4]
v2 = s0 @ w  # [B, 4]
v7 = linear(x, v.T, bias)  # [B, 4]
v8 = v2 + v7  # [B, 4]
v9 = v8 + x  # [B, 4]
# y = v8
# s0 = v9"""


def test_a_bias_moves_to_the_product_that_is_known_before_the_loop() -> None:
    b = Builder()
    x, h = event(b, 4), state(b, 4)
    products = b("linear", h, parameter(b, "w", 4, 4)), b("linear", x, parameter(b, "v", 4, 4))
    total = b("add", b("add", products[0], parameter(b, "bias", 4)), products[1])
    program = Program({"y": total, "s0": b("add", total, x)})
    assert text(gather_sums(program)) == GATHERED


def test_values_are_classified_by_what_they_depend_on() -> None:
    program = two_gates()
    found = {value.name: kind for value, kind in classify(program).items() if value.op == "input"}
    assert found == {"s0": "state", "x": "event"} | dict.fromkeys(["w0", "w1", "w2", "v0", "v1"], "parameter")
    assert classify(program)[program.outputs["y"]] == "state"


def test_products_of_different_operands_stay_apart() -> None:
    b = Builder()
    one, other = state(b, 4, name="s0"), state(b, 4, name="s1")
    y = b(
        "add",
        b("tanh", b("linear", one, parameter(b, "w", 4, 4))),
        b("linear", other, parameter(b, "v", 4, 4)),
    )
    program = Program({"y": y, "s0": y, "s1": y})
    assert text(merge_products(program)) == text(program)
