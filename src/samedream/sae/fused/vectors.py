"""Machine code that numba cannot be talked into: tiles of integer products, and sixteen comparisons at once.

Written through numba's own code generator (LLVM), so there is nothing to build and nothing to install beside numba.
"""

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from samedream.activations.processor import multiplies_and_adds
from samedream.sae.fused.kernel import intrinsic

WIDE = multiplies_and_adds()
# A tile of the product: sums, two vectors of features and one of a row have to fit into 16 registers (32 where WIDE).
ROWS, LANES = (12, 16) if WIDE else (6, 8)
FEATURES = 2 * LANES
UNROLLED = 2  # pairs of columns in one turn of the loop; the number of pairs is a multiple
_INT16, _INT32, _INT64, _FLOAT = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
_SUMS = ir.VectorType(_INT32, LANES)
_PAIRS = ir.VectorType(_INT16, 2 * LANES)
_FLOATS = ir.VectorType(_FLOAT, LANES)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    """Address of an element of a numba array."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _splat(builder: Any, value: Any, vector: ir.VectorType) -> Any:
    """A vector that holds one value in every lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    lanes = ir.Constant(ir.VectorType(_INT32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(builder.insert_element(nothing, value, _INT32(0)), nothing, lanes)


def _add_products(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply two int16 pairs a lane and add them to int32 sums: `vpdpwssd` where WIDE, else `vpmaddwd` and an add."""
    insert: Any = cgutils.get_or_insert_function
    if WIDE:
        kind = ir.FunctionType(_SUMS, [_SUMS, _SUMS, _SUMS])
        function = insert(builder.module, kind, "llvm.x86.avx512.vpdpwssd.512")
        return builder.call(function, [sums, builder.bitcast(left, _SUMS), builder.bitcast(right, _SUMS)])
    function = insert(builder.module, ir.FunctionType(_SUMS, [_PAIRS, _PAIRS]), "llvm.x86.avx2.pmadd.wd")
    return builder.add(sums, builder.call(function, [left, right]))


def _add_bytes(builder: Any, sums: Any, left: Any, right: Any) -> Any:
    """Multiply four int8 (left) with four uint8 (right) a lane and add them to int32 sums: `vpdpbusd`."""
    kind = ir.FunctionType(_SUMS, [_SUMS, _SUMS, _SUMS])
    insert: Any = cgutils.get_or_insert_function
    function = insert(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
    return builder.call(function, [sums, builder.bitcast(right, _SUMS), builder.bitcast(left, _SUMS)])


def _sum_products(builder: Any, rows: Any, features: Any, pairs: Any, add: Callable[..., Any]) -> list[Any]:
    """The loop over columns: pairs of int16, or fours of int8, as many bits."""
    vectors = FEATURES // LANES
    rows = builder.bitcast(rows, _INT32.as_pointer())  # a pair (or four) is broadcast as one int32
    features = builder.bitcast(features, _PAIRS.as_pointer())
    before, loop, after = builder.block, builder.append_basic_block("columns"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    step = builder.phi(_INT64)
    step.add_incoming(_INT64(0), before)
    sums = [builder.phi(_SUMS) for _ in range(ROWS * vectors)]
    found: list[Any] = list(sums)
    rows = builder.gep(rows, [builder.mul(step, _INT64(ROWS))])
    features = builder.gep(features, [builder.mul(step, _INT64(vectors))])
    for pair in range(UNROLLED):
        loaded = [builder.load(builder.gep(features, [_INT64(pair * vectors + j)]), align=2) for j in range(vectors)]
        for row in range(ROWS):
            value = builder.load(builder.gep(rows, [_INT64(pair * ROWS + row)]), align=2)
            both = builder.bitcast(_splat(builder, value, _SUMS), _PAIRS)
            for j in range(vectors):
                place = row * vectors + j
                found[place] = add(builder, found[place], both, loaded[j])
    following = builder.add(step, _INT64(UNROLLED))
    step.add_incoming(following, loop)
    for value, result in zip(sums, found, strict=True):
        value.add_incoming(ir.Constant(_SUMS, [0] * LANES), before)
        value.add_incoming(result, loop)
    builder.cbranch(builder.icmp_signed("<", following, pairs), loop, after)
    builder.position_at_end(after)
    return found


@intrinsic
def product_tile(
    typingctx: Any, rows: Any, at_row: Any, features: Any, at_feature: Any, pairs: Any, out: Any, at: Any, stride: Any,
    row_units: Any, at_unit: Any, feature_units: Any, biases: Any, at_bias: Any,
) -> Any:  # fmt: skip
    """out[r, f] = sum over columns of rows[r] * features[f], in units, plus a bias: ROWS rows by FEATURES features.

    Args (after numba's own): packed int16 rows and features (`product.Product`) with the offset of their panel, the
    number of column pairs (a multiple of UNROLLED), the float32 result with the offset of the tile and the length of
    its rows, float32 units of rows (with offset) and of features, float32 biases (these two share an offset).
    """
    given = (rows, at_row, features, at_feature, pairs, out, at, stride, row_units, at_unit, feature_units, biases)
    signature = types.void(*given, at_bias)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args

        def address(number: int, offset: Any) -> Any:
            return _pointer(context, builder, kinds[number], values[number], offset)

        sums = _sum_products(builder, address(0, values[1]), address(2, values[3]), values[4], _add_products)
        of_feature = builder.bitcast(address(10, values[12]), _FLOATS.as_pointer())
        bias = builder.bitcast(address(11, values[12]), _FLOATS.as_pointer())
        vectors = FEATURES // LANES
        for row in range(ROWS):
            unit = _splat(builder, builder.load(address(8, builder.add(values[9], _INT64(row)))), _FLOATS)
            start = builder.add(values[6], builder.mul(values[7], _INT64(row)))
            target = builder.bitcast(address(5, start), _FLOATS.as_pointer())
            for j in range(vectors):
                here = [_INT64(j)]
                value = builder.fmul(builder.sitofp(sums[row * vectors + j], _FLOATS), unit)
                value = builder.fmul(value, builder.load(builder.gep(of_feature, here), align=4))
                value = builder.fadd(value, builder.load(builder.gep(bias, here), align=4))
                builder.store(value, builder.gep(target, here), align=4)
        return context.get_dummy_value()

    return signature, generate


def _passing(builder: Any, sums: list[Any], of_row: list[Any], of_features: list[Any]) -> Any:
    """One row of `screen_tile`: (sum * unit + error) * feature's unit + slope * norm > needed, a bit a feature."""
    unit, error, slope = (_splat(builder, value, _FLOATS) for value in of_row)
    bits: Any = _INT32(0)
    for j, total in enumerate(sums):
        feature_unit, norm, needed = (builder.load(builder.gep(at, [_INT64(j)]), align=4) for at in of_features)
        most = builder.fadd(builder.fmul(builder.sitofp(total, _FLOATS), unit), error)
        most = builder.fadd(builder.fmul(most, feature_unit), builder.fmul(slope, norm))
        mask = builder.zext(builder.bitcast(builder.fcmp_ordered(">", most, needed), ir.IntType(LANES)), _INT32)
        bits = builder.or_(bits, builder.shl(mask, _INT32(j * LANES)))
    return bits


@intrinsic
def screen_tile(
    typingctx: Any, rows: Any, of_rows: Any, row_panel: Any, features: Any, of_features: Any, panel: Any, masks: Any,
    fours: Any, width: Any,
) -> Any:  # fmt: skip
    """Which of ROWS rows by FEATURES features may lie above a bound: bit f of masks[r, panel] for the panel's f-th.

    Only where WIDE: a mask has 32 bits, as many as FEATURES.

    Args (after numba's own): packed int8 rows (`screen.Screen`), what is known of them and the number of their panel;
    the same of uint8 features; the uint32 masks; the number of columns over 4 (a multiple of UNROLLED), and of masks
    in a row.
    """
    signature = types.void(rows, of_rows, row_panel, features, of_features, panel, masks, fours, width)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def address(number: int, *factors: Any) -> Any:
            offset = functools.reduce(builder.mul, factors)
            return _pointer(context, builder, signature.args[number], values[number], offset)

        p, q, steps, stride = values[2], values[5], values[7], values[8]
        given = address(0, p, steps, _INT64(ROWS)), address(3, q, steps, _INT64(FEATURES))
        sums = _sum_products(builder, *given, steps, _add_bytes)
        known = builder.bitcast(address(4, q, _INT64(3 * FEATURES)), _FLOATS.as_pointer())
        vectors = FEATURES // LANES
        of_features = [builder.gep(known, [_INT64(i * vectors)]) for i in range(3)]
        of_row, at = address(1, p, _INT64(3 * ROWS)), builder.gep(address(6, p, _INT64(ROWS), stride), [q])
        for row in range(ROWS):
            known_here = [builder.load(builder.gep(of_row, [_INT64(3 * row + i)])) for i in range(3)]
            bits = _passing(builder, sums[row * vectors : (row + 1) * vectors], known_here, of_features)
            builder.store(bits, builder.gep(at, [builder.mul(stride, _INT64(row))]), align=4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def above(typingctx: Any, values: Any, at: Any, bound: Any) -> Any:
    """Which of the 16 float32 values from `at` on lie above `bound`: bit i for the i-th, int64."""
    signature = types.int64(values, at, types.float32)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        many = ir.VectorType(_FLOAT, 16)
        found = builder.load(
            builder.bitcast(_pointer(context, builder, signature.args[0], given[0], given[1]), many.as_pointer()),
            align=4,
        )
        bits = builder.fcmp_ordered(">", found, _splat(builder, given[2], many))
        return builder.zext(builder.bitcast(bits, ir.IntType(16)), _INT64)

    return signature, generate


@intrinsic
def lowest_bit(typingctx: Any, mask: Any) -> Any:
    """Position of the lowest set bit of an int64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate
